package local

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// maxEntry bounds one unpacked file (the biggest jar has 130 MB), maxEntries their number.
const (
	maxEntry   = 1 << 30
	maxEntries = 20000
)

// unpack writes the parts of a Flink home found in archive (.whl, .zip, .tar.gz, .tgz) below dir, which it creates.
func unpack(ctx context.Context, archive, dir string) error {
	root, err := openDir(dir)
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer func() { _ = root.Close() }() // a folder handle: nothing is written through it
	u := &unpacker{ctx: ctx, root: root}
	switch {
	case strings.HasSuffix(archive, ".whl"), strings.HasSuffix(archive, ".zip"):
		err = u.zip(archive)
	case strings.HasSuffix(archive, ".tar.gz"), strings.HasSuffix(archive, ".tgz"):
		err = u.tar(archive)
	default:
		err = errors.New("it is neither a .whl, .zip, .tar.gz nor .tgz")
	}
	if err == nil && u.entries == 0 {
		err = errors.New("there is no Flink distribution in it")
	}
	if err != nil {
		return fmt.Errorf("unpack %s: %w", filepath.Base(archive), err)
	}
	return nil
}

func openDir(dir string) (*os.Root, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return os.OpenRoot(dir)
}

type unpacker struct {
	ctx     context.Context
	root    *os.Root // refuses every path that leads out, also over a symbolic link
	entries int
}

func (u *unpacker) zip(archive string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }() // only read
	for _, f := range r.File {
		name, ok, err := homePath(f.Name)
		if err != nil {
			return err
		}
		if !ok || !f.Mode().IsRegular() {
			continue
		}
		in, err := f.Open()
		if err != nil {
			return err
		}
		err = u.write(name, in, f.Mode())
		in.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func (u *unpacker) tar(archive string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	t := tar.NewReader(gz)
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok, err := homePath(h.Name)
		if err != nil {
			return err
		}
		if !ok || h.Typeflag != tar.TypeReg { // links and devices have no place in a Flink home
			continue
		}
		if err := u.write(name, t, h.FileInfo().Mode()); err != nil {
			return err
		}
	}
}

func (u *unpacker) write(name string, in io.Reader, mode fs.FileMode) error {
	if err := u.ctx.Err(); err != nil {
		return err
	}
	if u.entries++; u.entries > maxEntries {
		return fmt.Errorf("more than %d files", maxEntries)
	}
	if err := u.root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	out, err := u.root.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o644|mode&0o111)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(in, maxEntry+1))
	if n > maxEntry {
		err = fmt.Errorf("%s is larger than %d bytes", name, int64(maxEntry))
	}
	return errors.Join(err, out.Close())
}

// homePath maps a path inside an archive to one inside a Flink home. Three layouts are known: pyflink/lib (wheel),
// NAME-VERSION/deps/lib (source package of the same) and flink-VERSION/lib (binary distribution). ok is false for what a
// cluster does not need; an error means that the archive is hostile.
func homePath(name string) (rel string, ok bool, err error) {
	if strings.Contains(name, `\`) || !filepath.IsLocal(name) && name != "./" {
		return "", false, fmt.Errorf("the entry %q leads out of the folder", name)
	}
	parts := strings.Split(path.Clean(name), "/")
	switch {
	case parts[0] == "pyflink" || strings.HasPrefix(parts[0], "flink-"):
		parts = parts[1:]
	case len(parts) > 1 && parts[1] == "deps":
		parts = parts[2:]
	default:
		return "", false, nil
	}
	if len(parts) == 0 {
		return "", false, nil
	}
	switch parts[0] {
	case "lib", "opt", "plugins", "licenses":
		return strings.Join(parts, "/"), len(parts) > 1, nil
	case "LICENSE", "NOTICE":
		return parts[0], len(parts) == 1, nil
	}
	return "", false, nil
}
