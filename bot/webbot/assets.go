package webbot

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
)

//go:embed static
var staticFS embed.FS

//go:embed templates
var templateFS embed.FS

// assets are the scripts, styles and pictures, under a path that holds the hash of all of them: modules import each
// other by relative path, so they must change their address together.
type assets struct {
	hash  string
	files map[string][]byte
}

// loadAssets reads what is built into the binary; it cannot go wrong in a binary that was built.
func loadAssets() *assets {
	a := &assets{files: map[string][]byte{}}
	h := sha256.New()
	err := fs.WalkDir(staticFS, "static", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := staticFS.ReadFile(p)
		a.files[path.Base(p)] = data
		h.Write([]byte(p))
		h.Write(data)
		return err
	})
	if err != nil {
		panic("webbot: embedded files: " + err.Error())
	}
	a.hash = hex.EncodeToString(h.Sum(nil))[:16]
	return a
}

func (a *assets) url(name string) string { return "/assets/" + a.hash + "/" + name }

// Version is for templates: an open page of another version says that drey was updated.
func (a *assets) Version() string { return a.hash }

// ServeHTTP serves /assets/{version}/{name}. A page of an earlier version gets the present files, uncached.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	data, ok := a.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if r.PathValue("version") == a.hash {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	typ := mime.TypeByExtension(path.Ext(r.PathValue("name")))
	if path.Ext(r.PathValue("name")) == ".js" {
		typ = "text/javascript; charset=utf-8"
	}
	w.Header().Set("Content-Type", typ)
	w.Write(data)
}
