package local

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// release is what is known of one Flink version. Sums are of the released files; without one the clients' own check
// against their index must do.
type release struct {
	libraries    string // sha256 of the archive with lib, opt and plugins
	size         int64  // of that archive, in bytes
	gateway      string // sha256 of the SQL Gateway jar, which that archive lacks
	examples     string // sha256 of the streaming examples jar
	examplesFrom string // the version of that jar where it was not published for this one
}

// releases returns the versions that drey is tested with. Others can be fetched too, as far as they were published.
func releases() map[string]release {
	return map[string]release{
		"2.3.0": {
			libraries: "38ece876553286b3a285cf344c2d2038f8a7ca10da5df54d5107250386d64151", size: 329139814,
			gateway:  "aad296a152dc367ddd70727f5a57dd61958cff3d8dceb1f947bf8d9705c8d724",
			examples: "6bab7c5329ae2996eca7ce652efd390e12c8075db4fdb104e0c437bcb5ce7d75",
		},
		"1.20.3": {
			libraries: "f07f07a46bb272c1e851379ed92105928367019db31240091a5367fc92800289", size: 231679075,
			gateway:  "f80e1c5b7a8a9e0bd57bbde5a56ca6731192acce8cfb1bce43e307a33a417c8f",
			examples: "4b841187f2ab7d4a1e1e348e5d646509fa20d4834a7da0bf45ab2341b5d9df12", examplesFrom: "1.20.0",
		},
	}
}

// Versions that drey is tested with; DefaultVersion is what the demo runs.
const (
	DefaultVersion = "2.3.0"
	OldVersion     = "1.20.3"
)

var (
	errNoNetwork = errors.New("the network or the package index cannot be reached: check the connection, " +
		"or give a Flink home with --flink DIR")
	errSum = errors.New("its checksum is not the one expected")
)

// pipDownload fetches a requirement with pip into dir and returns the file. Everything pip needs in between is kept in
// dir too; total is the size to report progress against, or 0.
func pipDownload(ctx context.Context, pip []string, dir, requirement string, total int64, p Progress) (string, error) {
	tmp, out := filepath.Join(dir, "pip.tmp"), filepath.Join(dir, "pip.out")
	for _, d := range []string{tmp, out} {
		if err := os.RemoveAll(d); err != nil {
			return "", err
		}
		if err := os.MkdirAll(d, 0o755); err != nil {
			return "", err
		}
	}
	defer func() { _ = os.RemoveAll(tmp) }() // the next run clears it too
	reqs := filepath.Join(dir, "requirements.txt")
	if err := os.WriteFile(reqs, []byte(requirement+"\n"), 0o644); err != nil {
		return "", err
	}
	args := append([]string{}, pip...)
	args = append(args, "download", "--quiet", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", "--no-input",
		"--retries", "2", "--progress-bar", "off", "--dest", out, "--requirement", reqs)
	c := command{args: args, env: []string{"TMPDIR=" + tmp}, log: filepath.Join(dir, "pip.log")}
	stop := watchGrowth(tmp, total, p)
	text, err := c.run(ctx)
	stop()
	if err != nil {
		return "", pipError(ctx, requirement, text, c.log, err)
	}
	files, err := filepath.Glob(filepath.Join(out, "*"))
	if err != nil || len(files) != 1 {
		return "", fmt.Errorf("pip left %d files instead of one (log: %s)", len(files), c.log)
	}
	return files[0], nil
}

// pipError turns what pip printed into one sentence.
func pipError(ctx context.Context, requirement, text, log string, err error) error {
	name, _, _ := strings.Cut(requirement, " ")
	switch {
	case ctx.Err() != nil:
		return err
	case containsAny(text, "DO NOT MATCH THE HASHES"):
		return fmt.Errorf("%s as pip downloaded it is refused: %w", name, errSum)
	case containsAny(text, "No space left on device"):
		return errors.New("the disk is full")
	case containsAny(text, "NewConnectionError", "Connection refused", "Name or service not known", "Network is unreachable",
		"Temporary failure in name resolution", "ConnectTimeoutError", "nodename nor servname", "ReadTimeoutError",
		"ProxyError", "Connection reset", "IncompleteRead", "Connection broken", "incomplete-download"):
		return errNoNetwork
	case containsAny(text, "No matching distribution found"):
		return fmt.Errorf("pip finds no %s: this version was not published there", name)
	}
	return fmt.Errorf("pip download of %s: %w (log: %s)", name, err, log)
}

// mavenCopy fetches one jar with Maven into dir and checks it against sum, unless that is empty.
func mavenCopy(ctx context.Context, dir, artifact, version, sum string) (string, error) {
	mvn, err := maven()
	if err != nil {
		return "", err
	}
	c := command{log: filepath.Join(dir, "mvn.log"), args: []string{mvn, "--batch-mode", "--quiet", "--strict-checksums",
		"dependency:copy", "-Dartifact=org.apache.flink:" + artifact + ":" + version, "-DoutputDirectory=" + dir,
		"-Dmdep.overWriteReleases=true"}, dir: dir}
	text, err := c.run(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return "", err
	case containsAny(text, "Unknown host", "Connection refused", "Network is unreachable", "timed out", "Connect to ",
		"Temporary failure in name resolution", "Connection reset", "No route to host"):
		return "", errNoNetwork
	case containsAny(text, "Could not find artifact"):
		return "", fmt.Errorf("maven finds no %s %s: this version was not published there", artifact, version)
	default:
		return "", fmt.Errorf("maven download of %s %s: %w (log: %s)", artifact, version, err, c.log)
	}
	path := filepath.Join(dir, artifact+"-"+version+".jar")
	if err := checkSum(path, sum); err != nil {
		return "", fmt.Errorf("%s %s as maven downloaded it is refused: %w", artifact, version, err)
	}
	return path, nil
}

// checkSum compares a file with a sha256 in hex. An empty sum only asks that the file is there.
func checkSum(path, sum string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if sum == "" {
		return nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); !strings.EqualFold(got, sum) {
		return fmt.Errorf("%w (sha256 %.12s…, expected %.12s…)", errSum, got, sum)
	}
	return nil
}

func containsAny(s string, subs ...string) bool {
	for _, sub := range subs {
		if strings.Contains(s, sub) {
			return true
		}
	}
	return false
}

// watchGrowth reports how much has arrived below dir, about once a second, until stop is called.
func watchGrowth(dir string, total int64, p Progress) (stop func()) {
	var told int64
	checking := false
	return ticking(time.Second, func() {
		switch n := biggestFile(dir); {
		case n > told:
			told = n
			sayBytes(p, n, total)
		case n >= total && total > 0 && !checking:
			checking = true
			p.say("  all of it is here, pip looks into it")
		}
	})
}

// ticking calls f at every tick until stop is called, which waits for the last call.
func ticking(every time.Duration, f func()) (stop func()) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-end:
				return
			case <-tick.C:
				f()
			}
		}
	}()
	return func() { close(end); <-ended }
}

func sayBytes(p Progress, n, total int64) {
	const mb = 1_000_000
	if total > 0 {
		p.say("  %d of %d MB (%d %%)", min(n, total)/mb, total/mb, 100*min(n, total)/total)
		return
	}
	p.say("  %d MB", n/mb)
}

// biggestFile is the size of the download under way, wherever the client puts it below dir.
func biggestFile(dir string) (size int64) {
	walk := func(_ string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() { // files come and go while the client works
			if st, err := d.Info(); err == nil {
				size = max(size, st.Size())
			}
		}
		return nil
	}
	_ = filepath.WalkDir(dir, walk)
	return size
}
