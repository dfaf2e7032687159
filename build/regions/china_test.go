package regions

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// provinces are those of mainland China: Alibaba Cloud's name -> ISO 3166-2.
var provinces = map[string]string{
	"anhui": "AH", "beijing": "BJ", "chongqing": "CQ", "fujian": "FJ", "gansu": "GS", "guangdong": "GD",
	"guangxi": "GX", "guizhou": "GZ", "hainan": "HI", "hebei": "HE", "heilongjiang": "HL", "henan": "HA",
	"hubei": "HB", "hunan": "HN", "jiangsu": "JS", "jiangxi": "JX", "jilin": "JL", "liaoning": "LN",
	"neimenggu": "NM", "ningxia": "NX", "qinghai": "QH", "shaanxi": "SN", "shandong": "SD", "shanghai": "SH",
	"shanxi": "SX", "sichuan": "SC", "tianjin": "TJ", "xinjiang": "XJ", "xizang": "XZ", "yunnan": "YN", "zhejiang": "ZJ",
}

// areas are those of mainland China, with their provinces.
var areas = map[string][]string{
	"dongbei":  {"heilongjiang", "jilin", "liaoning"},
	"huabei":   {"beijing", "hebei", "neimenggu", "shanxi", "tianjin"},
	"huadong":  {"anhui", "fujian", "jiangsu", "jiangxi", "shandong", "shanghai", "zhejiang"},
	"huanan":   {"guangdong", "guangxi", "hainan"},
	"huazhong": {"henan", "hubei", "hunan"},
	"xibei":    {"gansu", "ningxia", "qinghai", "shaanxi", "xinjiang"},
	"xinan":    {"chongqing", "guizhou", "sichuan", "xizang", "yunnan"},
}

// abroad are Alibaba Cloud's continents.
var abroad = map[string]string{
	"os_africa": "continent:AF", "os_asia": "continent:AS !country:CN", "os_euro": "continent:EU",
	"os_namerica": "continent:NA", "os_samerica": "continent:SA", "os_oceanica": "continent:OC",
}

// carriers have AS numbers, and areas and provinces as Alibaba Cloud has them.
var carriers = []struct {
	name             string
	areas, provinces bool
}{
	{"telecom", true, true}, {"unicom", true, true}, {"mobile", true, true},
	{"edu", true, true}, {"btvn", true, true}, {"drpeng", false, true},
	{"bgctv", false, false}, {"cstnet", false, false}, {"ocn", false, false}, {"topway_video", false, false}, {"wasu", false, false},
}

// says checks the one line of a region.
func says(t *testing.T, regions map[string]region, name, line string) {
	t.Helper()
	r := regions[name]
	if len(r.lines) != 1 || strings.Join(r.lines[0], " ") != line {
		t.Errorf("region %s is %q, want %s", name, r.lines, line)
	}
}

func TestProvinces(t *testing.T) {
	regions := all(t)
	want := map[string]bool{}
	for name, code := range provinces {
		says(t, regions, "cn_region_"+name, "subdivision:CN-"+code)
		want["subdivision:CN-"+code] = true
	}
	var names []string
	for area, members := range areas {
		var codes []string
		for _, name := range members {
			codes = append(codes, provinces[name])
		}
		name := "cn_region_" + area
		names = append(names, name)
		same(t, name, once(t, regions, []string{name}, sources), setOf("subdivision:CN-", codes...))
	}
	if len(provinces) != 31 {
		t.Errorf("%d provinces, want 31", len(provinces))
	}
	same(t, "the areas", once(t, regions, names, sources), want)
	says(t, regions, "internal", "country:CN")
}

// TestAbroad is that all that is known is in mainland China or abroad, not both.
func TestAbroad(t *testing.T) {
	regions := all(t)
	want := setOf("", "continent:AN")
	for name, line := range abroad {
		says(t, regions, name, line)
		want[line] = true
	}
	same(t, "oversea", once(t, regions, []string{"oversea"}, sources), want)
	hereabouts := []string{"HK", "MO", "TW"} // which are abroad for Alibaba Cloud
	for _, code := range hereabouts {
		says(t, regions, "os_asia_"+strings.ToLower(code), "country:"+code)
	}
	n := len([]string{"internal", "oversea"}) + len(abroad) + len(hereabouts) + len(areas) + len(provinces) + len(carriers)
	if got := count(regions, "china.conf"); got != n {
		t.Errorf("china.conf has %d regions, want %d", got, n)
	}
}

// TestCarriers is that a client's AS number tells its carrier.
func TestCarriers(t *testing.T) {
	regions := all(t)
	var names []string
	for _, c := range carriers {
		names = append(names, c.name)
	}
	for source := range once(t, regions, names, sources) {
		if !strings.HasPrefix(source, "asn:") || strings.Contains(source, " ") {
			t.Errorf("%s is not an AS number alone", source)
		}
	}
	for _, name := range []string{"telecom", "unicom", "mobile", "edu"} { // their backbones, lest all be lost
		backbone := map[string]string{"telecom": "asn:4134", "unicom": "asn:4837", "mobile": "asn:9808", "edu": "asn:4538"}[name]
		if !slices.Contains(sources(regions, name), backbone) {
			t.Errorf("region %s lacks %s", name, backbone)
		}
	}
}

func TestLines(t *testing.T) {
	regions := all(t)
	want := map[string]bool{}
	for _, c := range carriers {
		for area := range areas {
			if name := "cn_" + c.name + "_" + area; c.areas {
				says(t, regions, name, "region:"+c.name+" region:cn_region_"+area)
				want[name] = true
			}
		}
		for province, code := range provinces {
			if name := "cn_" + c.name + "_" + province; c.provinces {
				says(t, regions, name, "region:"+c.name+" subdivision:CN-"+code)
				want[name] = true
			}
		}
	}
	lines := maps.Clone(regions)
	maps.DeleteFunc(lines, func(_ string, r region) bool { return r.file != "china-lines.conf" })
	same(t, "china-lines.conf", setOf("", slices.Collect(maps.Keys(lines))...), want)
}
