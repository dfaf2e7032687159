package geo

import (
	"math"
	"testing"
)

// TestDistance: figures that others have published or worked out by another
// formula, scaled to the same mean radius, to a metre.
func TestDistance(t *testing.T) {
	london, paris, newYork := Point{51.5074, -0.1278}, Point{48.8566, 2.3522}, Point{40.7128, -74.0060}
	sydney, tokyo, beijing := Point{-33.8688, 151.2093}, Point{35.6762, 139.6503}, Point{39.9042, 116.4074}
	auckland, honolulu := Point{-36.8485, 174.7633}, Point{21.3069, -157.8583}
	half := math.Pi * 6371.0088
	for _, c := range []struct {
		name string
		a, b Point
		want float64 // km
	}{
		{"Rosetta Code's two airports", Point{36.12, -86.67}, Point{33.94, -118.40}, 2886.44444283798 * 6371.0088 / 6371},
		{"geopy's two cities", Point{41.49008, -71.312796}, Point{41.499498, -81.695391}, 536.997990696 * 1.609344},
		{"London and Paris", london, paris, 343.557}, // these by Vincenty's formula for a sphere
		{"London and New York", london, newYork, 5570.230},
		{"Beijing and Tokyo", beijing, tokyo, 2089.389},
		{"Sydney and London", sydney, london, 16993.957},
		{"Auckland and Honolulu, over the date line", auckland, honolulu, 7075.743},
		{"the same", paris, paris, 0},
		{"the poles", Point{90, 0}, Point{-90, 0}, half},
		{"a pole, whatever the meridian", Point{90, 0}, Point{90, 137}, 0},
		{"antipodes on the equator", Point{0, 0}, Point{0, 180}, half},
		{"antipodes elsewhere", Point{48.86, 2.35}, Point{-48.86, -177.65}, half},
		{"the date line itself", Point{10, 180}, Point{10, -180}, 0},
		{"over the date line", Point{0, 179.5}, Point{0, -179.5}, half / 180},
		{"a degree of a meridian", Point{50, 7}, Point{51, 7}, half / 180},
		{"a quarter of the equator", Point{0, -45}, Point{0, 45}, half / 2},
		{"from the equator to a pole", Point{0, 33}, Point{90, -12}, half / 2},
	} {
		for _, got := range []float64{Distance(c.a, c.b), Distance(c.b, c.a)} {
			if !(math.Abs(got-c.want) <= 0.001) { // not so of NaN
				t.Errorf("%s: %.4f km, want %.4f", c.name, got, c.want)
			}
		}
	}
}

// TestDistanceAntipodes: rounding takes no pair of antipodes out of the formula's
// domain.
func TestDistanceAntipodes(t *testing.T) {
	half := math.Pi * 6371.0088
	for lat := -9000; lat <= 9000; lat += 7 {
		for lon := -18000; lon <= 18000; lon += 1013 {
			a := Facts{Lat: int16(lat), Lon: int16(lon)}.Point()
			b := Point{-a.Lat, a.Lon + 180}
			if got := Distance(a, b); !(math.Abs(got-half) <= 0.001) {
				t.Fatalf("from %v to %v: %f km, want %f", a, b, got, half)
			}
		}
	}
}

// TestMilliseconds: half of 4/9 of the speed of light, which is 66.62 km in a
// millisecond.
func TestMilliseconds(t *testing.T) {
	for km, want := range map[float64]float64{0: 0, 66.620546: 1, 5570.230: 83.6113, 20015.115: 300.4345} {
		if got := Milliseconds(km); math.Abs(got-want) > 0.0001 {
			t.Errorf("%.3f km: %.5f ms, want %.5f", km, got, want)
		}
	}
}
