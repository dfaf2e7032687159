package admin

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

// The console asks for its token itself: its files are anyone's.
//
//go:embed console
var console embed.FS

// contentTypes are those of the console's files. The system's own table would
// differ from one system to the next.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".svg":  "image/svg+xml",
	".png":  "image/png",
	".ico":  "image/x-icon",
	".json": "application/json",
}

// serveConsole serves a file of the console.
func serveConsole(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	if r.URL.Path == "/" {
		name = "index.html"
	}
	serveFile(w, r, name)
}

func serveFile(w http.ResponseWriter, r *http.Request, name string) {
	text, err := console.ReadFile(path.Join("console", name))
	contentType, known := contentTypes[path.Ext(name)]
	if err != nil || !known {
		http.NotFound(w, r)
		return
	}
	sum := sha256.Sum256(text)
	serveText(w, r, contentType, hex.EncodeToString(sum[:8]), text)
}

// serveText serves what is the same for as long as the process lives, and is asked
// for anew with each of its lives.
func serveText(w http.ResponseWriter, r *http.Request, contentType, tag string, text []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(text))
}
