package commands

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
)

// jarFileMax is the largest JAR that is taken from a chat. It goes through drey as a stream, and is never held whole.
const jarFileMax = 512 << 20

// storeJar brings the file of a gesture to a cluster, for who may upload there. A file that the cluster has already, by
// its content, is not stored again.
func (d Deps) storeJar(ctx context.Context, e *Env, cluster string, file *bot.Upload) (jar platform.Jar, known bool, err error) {
	switch {
	case file.Size > jarFileMax:
		return jar, false, platform.Errorf(platform.Invalid, "", "%s has %s, at most %s are taken; nothing was uploaded", clip(file.Name, 80), size(file.Size), size(jarFileMax))
	case file.Size == 0:
		return jar, false, platform.Errorf(platform.Invalid, "", "%s is empty; nothing was uploaded", clip(file.Name, 80))
	}
	c, err := d.Clusters.Cluster(cluster)
	if err != nil {
		return jar, false, err
	}
	list, err := c.Jars(ctx)
	if err != nil {
		return jar, false, err
	}
	e.Show(bot.Message{Title: "Uploading", Tone: bot.Busy, Private: true, Blocks: []bot.Block{bot.Textf("**%s**, %s, goes to %s.", clip(file.Name, 80), size(file.Size), cluster)}})
	sum, bytes, err := digestOf(ctx, file)
	if err != nil {
		return jar, false, err
	}
	jar.Name = jarName(file.Name, sum)
	if i := slices.IndexFunc(list, func(j platform.Jar) bool { return j.Name == jar.Name }); i >= 0 {
		return list[i], true, nil
	}
	if jar.ID, err = sendJar(ctx, c, file, jar.Name, sum, bytes); err != nil {
		return jar, false, err
	}
	jar.At = e.Now
	return jar, false, nil
}

// mayUpload checks the right to upload, and records it where it is one beside that of the command. A file cannot wait for
// anybody's consent.
func (e *Env) mayUpload(ctx context.Context, cluster string) error {
	dec := e.decide("jar.upload", cluster, "")
	switch {
	case !dec.Allowed:
		return e.router.refuse(ctx, e, nil, dec)
	case dec.Require != NoRequirement:
		return platform.Errorf(platform.Unsupported, "", "the rule %s asks for a consent before a JAR is uploaded, and a file of the chat cannot wait for it; upload it in Flink's web interface, then run it by its name", dec.RequireRule)
	case e.cmd.Permission == dec.Permission:
		return nil
	}
	return e.router.record(ctx, e, e.decoded(), dec)
}

// digestOf reads the file once, for its hash and its true size.
func digestOf(ctx context.Context, file *bot.Upload) (sum []byte, n int64, err error) {
	r, err := file.Open(ctx)
	if err != nil {
		return nil, 0, unreadFile(file, err)
	}
	defer r.Close()
	h := sha256.New()
	n, err = io.Copy(h, io.LimitReader(r, jarFileMax+1))
	switch {
	case err != nil:
		return nil, 0, unreadFile(file, err)
	case n > jarFileMax:
		return nil, 0, platform.Errorf(platform.Invalid, "", "%s has more than %s; nothing was uploaded", clip(file.Name, 80), size(jarFileMax))
	case n == 0:
		return nil, 0, platform.Errorf(platform.Invalid, "", "%s is empty; nothing was uploaded", clip(file.Name, 80))
	}
	return h.Sum(nil), n, nil
}

// sendJar reads the file a second time, to the cluster. One that was another then is taken away again.
func sendJar(ctx context.Context, c *platform.Cluster, file *bot.Upload, name string, sum []byte, n int64) (string, error) {
	r, err := file.Open(ctx)
	if err != nil {
		return "", unreadFile(file, err)
	}
	defer r.Close()
	h := sha256.New()
	id, err := c.UploadJar(ctx, name, n, io.TeeReader(r, h))
	if err != nil {
		return "", err
	}
	if !slices.Equal(h.Sum(nil), sum) {
		gone := c.DeleteJar(ctx, id)
		return "", &platform.Error{Kind: platform.Unavailable, Err: fmt.Errorf("%s changed while it was read; it was taken away again", clip(file.Name, 80)), Detail: fmt.Sprint(gone)}
	}
	return id, nil
}

// jarName is the name of a file with what clusters take of it, and a part of its content's hash.
func jarName(name string, sum []byte) string {
	stem := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '_'
	}, stemOf(name[:len(name)-len(".jar")]+".jar")) // whatever the case of its ending
	stem = strings.TrimLeft(stem, ".-")
	if stem == "" {
		stem = "job"
	}
	return stem[:min(len(stem), 80)] + "-" + hex.EncodeToString(sum[:5]) + ".jar"
}
