package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

const (
	// needSpace is what a fetch takes at its worst: the archive twice and the unpacked files.
	needSpace = 1 << 30
	complete  = ".drey-complete"
)

var versionShape = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

// CacheDir is where fetched programs are kept: DREY_CACHE, else the drey folder in the user's cache folder.
func CacheDir() (string, error) {
	if dir := os.Getenv("DREY_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cache folder: %w: set DREY_CACHE to a folder", err)
	}
	return filepath.Join(dir, "drey"), nil
}

// Fetch returns the home of a Flink distribution with SQL Gateway and Prometheus reporter, fetching it once into
// cacheDir (empty: the flink folder in CacheDir). A complete home is returned at once, without a tool or a network; an incomplete
// one is mended. Several processes may call it together: one fetches and the others wait for it.
func Fetch(ctx context.Context, version, cacheDir string, p Progress) (home string, err error) {
	if !versionShape.MatchString(version) {
		return "", fmt.Errorf("fetch Flink %q: a version looks like %s", version, DefaultVersion)
	}
	if cacheDir, err = cacheOr(cacheDir, "flink"); err != nil {
		return "", err
	}
	home = filepath.Join(cacheDir, version)
	if isComplete(home) {
		return home, nil
	}
	unlock, err := lock(ctx, home+".lock", "Flink "+version, p)
	if err != nil {
		return "", fmt.Errorf("fetch Flink %s: %w", version, err)
	}
	defer unlock()
	if isComplete(home) {
		return home, nil
	}
	f := fetch{version: version, home: home, work: home + ".work", release: releases()[version], free: freeSpace, progress: p}
	if err := f.run(ctx); err != nil {
		return "", fmt.Errorf("fetch Flink %s: %w", version, err)
	}
	return home, nil
}

// ExamplesJar returns the streaming example jobs of a Flink version, fetched once like Fetch does. The jar names no
// main class, so a run must name one, such as org.apache.flink.streaming.examples.statemachine.StateMachineExample.
func ExamplesJar(ctx context.Context, version, cacheDir string, p Progress) (string, error) {
	if !versionShape.MatchString(version) {
		return "", fmt.Errorf("fetch examples of Flink %q: a version looks like %s", version, DefaultVersion)
	}
	dir, err := cacheOr(cacheDir, "flink")
	if err != nil {
		return "", err
	}
	dir = filepath.Join(dir, "examples")
	r := releases()[version]
	jar := filepath.Join(dir, "flink-examples-streaming-"+version+".jar")
	if checkSum(jar, r.examples) == nil {
		return jar, nil
	}
	unlock, err := lock(ctx, jar+".lock", "the example jobs", p)
	if err != nil {
		return "", fmt.Errorf("fetch examples of Flink %s: %w", version, err)
	}
	defer unlock()
	if checkSum(jar, r.examples) == nil {
		return jar, nil
	}
	work := jar + ".work"
	if err := errors.Join(os.RemoveAll(work), os.MkdirAll(work, 0o755)); err != nil {
		return "", fmt.Errorf("fetch examples of Flink %s: %w", version, err)
	}
	p.say("fetching the example jobs of Flink %s", version)
	from := version
	if r.examplesFrom != "" {
		from = r.examplesFrom
	}
	got, err := mavenCopy(ctx, work, "flink-examples-streaming", from, r.examples)
	if err == nil {
		err = errors.Join(os.Rename(got, jar), os.RemoveAll(work))
	}
	if err != nil {
		return "", fmt.Errorf("fetch examples of Flink %s: %w", version, err)
	}
	return jar, nil
}

func cacheOr(dir, sub string) (string, error) {
	if dir != "" {
		return filepath.Abs(dir)
	}
	root, err := CacheDir()
	return filepath.Join(root, sub), err
}

// lock waits until this process alone works on what.
func lock(ctx context.Context, path, what string, p Progress) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	told := false
	for {
		ok, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if ok {
			return func() { f.Close() }, nil
		}
		if !told {
			p.say("another process is fetching %s, waiting for it", what)
			told = true
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// fetch is one run under the lock. What it has finished stays in work, for the next run when this one is cut off.
type fetch struct {
	version, home, work string
	release             release
	free                func(dir string) (uint64, error)
	progress            Progress
}

func (f fetch) run(ctx context.Context) error {
	if err := os.MkdirAll(f.work, 0o755); err != nil {
		return err
	}
	if free, err := f.free(f.work); err == nil && free < needSpace {
		return fmt.Errorf("about %d MB are needed in %s and only %d MB are free: make room, or set DREY_CACHE to a folder on another disk",
			needSpace/1_000_000, filepath.Dir(f.work), free/1_000_000)
	}
	archive, err := f.archive(ctx)
	if err != nil {
		return err
	}
	f.progress.say("unpacking Flink %s", f.version)
	dir := filepath.Join(f.work, "home")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := unpack(ctx, archive, dir); err != nil {
		_ = os.Remove(archive) // it is of no use: the next run gets another
		return err
	}
	if err := f.gateway(ctx, dir); err != nil {
		return err
	}
	found, err := Find(dir)
	if err == nil && found != f.version {
		err = fmt.Errorf("the archive holds Flink %s", found)
	}
	if err != nil {
		_ = os.Remove(archive)
		return err
	}
	if err := markComplete(dir); err != nil {
		return err
	}
	// A home without its mark, or with a wrong one, is a left-over.
	if err := os.RemoveAll(f.home); err != nil {
		return err
	}
	if err := os.Rename(dir, f.home); err != nil {
		return err
	}
	f.progress.say("Flink %s is ready", f.version)
	return os.RemoveAll(f.work)
}

// archive returns the checked archive of the libraries.
func (f fetch) archive(ctx context.Context) (string, error) {
	if from := os.Getenv("DREY_FLINK_ARCHIVE"); from != "" {
		return f.given(ctx, from, os.Getenv("DREY_FLINK_SHA256"))
	}
	if f.release.libraries != "" {
		left, _ := filepath.Glob(filepath.Join(f.work, "pip.out", "*"))
		for _, path := range left {
			if checkSum(path, f.release.libraries) == nil {
				f.progress.say("using the archive of Flink %s that an earlier run has fetched", f.version)
				return path, nil
			}
		}
	}
	if _, err := Java(ctx); err != nil { // say so before the long download, not after it
		return "", err
	}
	if _, err := maven(); err != nil {
		return "", err
	}
	pip, err := resumingPip(ctx, f.work, f.progress)
	if err != nil {
		return "", err
	}
	f.progress.say("fetching Flink %s with pip, once", f.version)
	requirement := "apache-flink-libraries==" + f.version
	if f.release.libraries != "" {
		requirement += " --hash=sha256:" + f.release.libraries
	}
	path, err := pipDownload(ctx, pip, f.work, requirement, f.release.size, f.progress)
	if err != nil {
		return "", err
	}
	return path, checkSum(path, f.release.libraries)
}

// given uses an archive that the user named by path or URL.
func (f fetch) given(ctx context.Context, from, sum string) (string, error) {
	if sum == "" {
		return "", errors.New("DREY_FLINK_ARCHIVE is set: set DREY_FLINK_SHA256 to its checksum too")
	}
	path := from
	if strings.HasPrefix(from, "http://") || strings.HasPrefix(from, "https://") {
		path = filepath.Join(f.work, archiveName(from))
		f.progress.say("fetching Flink %s from the archive given", f.version)
		if err := download(ctx, from, path, sum, f.progress); err != nil {
			return "", err
		}
		return path, nil
	}
	if err := checkSum(path, sum); err != nil {
		return "", fmt.Errorf("DREY_FLINK_ARCHIVE: %w", err)
	}
	// unpack may remove a bad archive: never the user's own file
	own := filepath.Join(f.work, filepath.Base(from))
	_ = os.Remove(own)
	return own, os.Symlink(path, own)
}

// resumingPip returns a pip that resumes a cut download (25.1 and up): the user's, else a newer one in dir.
func resumingPip(ctx context.Context, dir string, p Progress) ([]string, error) {
	pip, major, minor, err := python(ctx)
	if err != nil {
		return nil, err
	}
	if major > 25 || major == 25 && minor >= 1 {
		return append(pip[:len(pip):len(pip)], "--resume-retries=20"), nil
	}
	tool := filepath.Join(dir, "newpip")
	if err := os.MkdirAll(tool, 0o755); err != nil {
		return nil, err
	}
	p.say("fetching a pip that can resume downloads (this one is %d.%d)", major, minor)
	wheel, err := pipDownload(ctx, pip, tool, "pip>=25.1", 0, nil)
	switch {
	case err == nil:
		return []string{pip[0], filepath.Join(wheel, "pip"), "--resume-retries=20"}, nil
	case errors.Is(err, errNoNetwork) || ctx.Err() != nil:
		return nil, err
	default: // a Python too old for it: without resuming then
		p.say("there is none for this Python, going on without")
		return pip, nil
	}
}

// gateway adds the SQL Gateway to an unpacked home that lacks it.
func (f fetch) gateway(ctx context.Context, home string) error {
	to := filepath.Join(home, "opt", gatewayJar(f.version))
	if _, err := os.Stat(to); err == nil {
		return nil
	}
	f.progress.say("fetching the SQL Gateway of Flink %s with Maven", f.version)
	jar, err := mavenCopy(ctx, f.work, "flink-sql-gateway", f.version, f.release.gateway)
	if err != nil {
		return err
	}
	return os.Rename(jar, to)
}

func gatewayJar(version string) string { return "flink-sql-gateway-" + version + ".jar" }

// markComplete notes the size of every file of a home.
func markComplete(home string) error {
	sizes, err := fileSizes(home)
	if err != nil {
		return err
	}
	b, err := json.Marshal(sizes)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(home, complete), b, 0o644)
}

// isComplete says whether a home is as markComplete left it.
func isComplete(home string) bool {
	b, err := os.ReadFile(filepath.Join(home, complete))
	if err != nil {
		return false
	}
	var want map[string]int64
	if json.Unmarshal(b, &want) != nil || len(want) == 0 {
		return false
	}
	for name, size := range want {
		st, err := os.Stat(filepath.Join(home, name))
		if err != nil || st.Size() != size {
			return false
		}
	}
	return true
}

func fileSizes(home string) (map[string]int64, error) {
	sizes := map[string]int64{}
	err := filepath.WalkDir(home, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(home, path)
		sizes[rel] = st.Size()
		return err
	})
	return sizes, err
}
