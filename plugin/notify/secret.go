package notify

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Secret is a text that is never shown: however it is printed, it is "[secret]".
type Secret struct{ text string }

// hidden is what is shown in place of a secret.
const hidden = "[secret]"

// maxSecret bounds a secret, in bytes.
const maxSecret = 16 << 10

// NewSecret makes a secret of a text.
func NewSecret(text string) Secret { return Secret{text} }

// ReadSecret is the secret that a word of a Corefile means: file:PATH (under root
// where it is relative), env:NAME, or the word itself. Its errors do not repeat the
// word.
func ReadSecret(word, root string) (Secret, error) {
	if name, ok := strings.CutPrefix(word, "env:"); ok {
		text := strings.TrimSpace(os.Getenv(name))
		if text == "" {
			return Secret{}, fmt.Errorf("the environment has no %q, or it is empty", name)
		}
		return Secret{text}, nil
	}
	name, ok := strings.CutPrefix(word, "file:")
	if !ok {
		if word == "" {
			return Secret{}, errors.New("it is empty")
		}
		return Secret{word}, nil
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(root, name)
	}
	text, err := readFile(name)
	switch {
	case err != nil:
		return Secret{}, err
	case text == "":
		return Secret{}, fmt.Errorf("%q is empty", name)
	}
	return Secret{text}, nil
}

func readFile(name string) (string, error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return "", fmt.Errorf("%q is no regular file", name)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if len(text) > maxSecret {
		return "", fmt.Errorf("%q exceeds %d bytes", name, maxSecret)
	}
	return strings.TrimSpace(string(text)), err
}

// set says whether there is one.
func (s Secret) set() bool { return s.text != "" }

// Format implements fmt.Formatter: no verb shows the secret.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText implements encoding.TextMarshaler.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
