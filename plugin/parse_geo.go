package gtm

import (
	"fmt"
	"slices"
)

// addGeo reads geo files. Those that are at work already are not read again; and
// where such a one is broken now, it stays: a reload shall not fail for that.
func (g *gtmDraft) addGeo(l *line) error {
	for _, word := range l.args() {
		if word == "" {
			return errNameless
		}
		file, err := process.shelf.Open(inRoot(g.root, word))
		if err != nil {
			if file = process.shelf.Last(inRoot(g.root, word)); file == nil {
				return err
			}
		}
		if slices.ContainsFunc(g.Geo, func(c GeoConfig) bool { return c.File.Name == file.Name }) {
			return fmt.Errorf("%s stands there twice", word)
		}
		g.Geo = append(g.Geo, GeoConfig{l.pos, file, err})
	}
	return nil
}
