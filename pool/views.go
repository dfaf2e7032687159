package pool

import "slices"

// Views are the views of all failovers, by Failover.Index. They are a value:
// With shares with the old ones all that it does not change, so that a change
// costs nearly the same whatever their number.
type Views struct {
	pages []*page
}

// page is some Views in a row.
type page [64]*View

// NewViews are those of failovers 0 to len(views)-1.
func NewViews(views []*View) Views {
	v := Views{pages: make([]*page, (len(views)+len(page{})-1)/len(page{}))}
	for i := range v.pages {
		v.pages[i] = new(page)
		copy(v.pages[i][:], views[i*len(page{}):])
	}
	return v
}

// At is the view of the failover with an index.
func (v Views) At(i int) *View { return v.pages[i/len(page{})][i%len(page{})] }

// With is a copy of v with other views of some failovers.
func (v Views) With(changed ...*View) Views {
	next := Views{pages: slices.Clone(v.pages)}
	for _, view := range changed {
		i := view.Failover.Index
		at := &next.pages[i/len(page{})]
		if *at == v.pages[i/len(page{})] { // not copied yet
			own := **at
			*at = &own
		}
		(*at)[i%len(page{})] = view
	}
	return next
}
