package geo

import "math"

// Point is a place on the earth, in degrees: north and east are positive.
type Point struct{ Lat, Lon float64 }

// Point is where a client with these facts is, if it is Located.
func (f Facts) Point() Point { return Point{float64(f.Lat) / 100, float64(f.Lon) / 100} }

// earth is the mean radius in kilometres (IUGG: (2a+b)/3 of WGS 84).
const earth = 6371.0088

// Distance is the great circle between two points in kilometres, by the haversine
// formula (Sinnott: "Virtues of the haversine", 1984).
func Distance(a, b Point) float64 {
	const degree = math.Pi / 180
	lat := math.Sin((b.Lat - a.Lat) * degree / 2)
	lon := math.Sin((b.Lon - a.Lon) * degree / 2)
	h := lat*lat + math.Cos(a.Lat*degree)*math.Cos(b.Lat*degree)*lon*lon
	return 2 * earth * math.Asin(math.Sqrt(min(h, 1)))
}

// kilometresPerMillisecond is how far packets get, there and back: half of 4/9 of
// the speed of light in vacuum, the ratio that Katz-Bassett et al. measured on the
// Internet ("Towards IP geolocation using delay and topology measurements", IMC
// 2006).
const kilometresPerMillisecond = 299.792458 * 4 / 9 / 2

// Milliseconds is the round trip that a distance in kilometres lets expect.
func Milliseconds(km float64) float64 { return km / kilometresPerMillisecond }
