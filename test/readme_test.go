package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// read is a file of the repository's root.
func read(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fence is a fenced code block of a README.
type fence struct {
	line    int    // of its first line
	info    string // what stands behind the fence
	text    string
	section string // the heading above it, without #
}

func fences(readme string) []fence {
	var all []fence
	var open *fence
	mark, section := "", ""
	for i, line := range strings.Split(readme, "\n") {
		trimmed := strings.TrimSpace(line)
		switch {
		case open == nil && strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
		case open == nil && (strings.HasPrefix(trimmed, "~~~") || strings.HasPrefix(trimmed, "```")):
			mark = trimmed[:3]
			open = &fence{line: i + 2, info: strings.TrimSpace(strings.TrimLeft(trimmed, "~`")), section: section}
		case open != nil && strings.HasPrefix(trimmed, mark):
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	return all
}

// TestReadmeExamples starts every example of the README and asks for each of its
// domains. Ports are free ones, nothing is probed or asked beyond loopback.
func TestReadmeExamples(t *testing.T) {
	examples := 0
	readme := read(t, "README.md")
	for _, f := range fences(readme) {
		if f.info != "corefile" {
			continue
		}
		examples++
		t.Run(fmt.Sprintf("line %d", f.line), func(t *testing.T) {
			build, err := filepath.Abs("../build")
			if err != nil {
				t.Fatal(err)
			}
			t.Chdir(t.TempDir())
			if err := os.Symlink(build, "build"); err != nil { // whose regions an example may import
				t.Fatal(err)
			}
			corefile := atHome(t, f.text)
			s := start(t, corefile)
			names := domainsOf(f.text)
			if len(names) == 0 {
				t.Error("it has no domain of gtm")
			}
			for _, name := range names {
				m := s.ask(t, name, dns.TypeA, iterative)
				if m.Rcode != dns.RcodeSuccess || !m.Authoritative || len(m.Answer) == 0 {
					t.Errorf("%s: %s", name, summary(m))
				}
			}
		})
	}
	if examples == 0 {
		t.Error("README.md has no code block of `corefile`")
	}
}

// TestReadmeOtherFences is that no Corefile hides in a block that is not tested.
func TestReadmeOtherFences(t *testing.T) {
	serverBlock := regexp.MustCompile(`(?m)^[a-z0-9.*:-]*\.[a-z0-9.*:-]* \{$`)
	for _, f := range fences(read(t, "README.md")) {
		if f.info != "corefile" && serverBlock.MatchString(f.text) {
			t.Errorf("README.md:%d: a server block that no test starts: mark it as corefile", f.line)
		}
	}
}

// atHome is an example with its ports, name servers, probes and files replaced by
// those of the test, in the working directory.
func atHome(t *testing.T, corefile string) string {
	t.Helper()
	up := fake.NewDNS(t)
	var lines []string
	for line := range strings.Lines(strings.TrimRight(corefile, "\n")) {
		line = strings.TrimRight(line, "\n")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch w := words[0]; {
		case !strings.HasPrefix(line, " ") && !strings.HasPrefix(line, "\t") && strings.HasSuffix(line, "{") && !strings.HasPrefix(line, "("):
			for i, zone := range words[:len(words)-1] {
				zone, _, _ = strings.Cut(zone, ":")
				words[i] = zone + ":0"
			}
			line = strings.Join(words, " ") + "\nbind 127.0.0.1"
		case w == "bind":
			continue
		case w == "health" || w == "ready" || w == "prometheus":
			line = strings.Join(append([]string{w, spare(t)}, trailing(words)...), " ")
		case w == "forward":
			line = "forward " + words[1] + " " + up.Addr() + strings.Repeat(" {", strings.Count(line, "{"))
		case w == "address" && !slices.Contains(words, "probe"):
			line = strings.Replace(line, words[1], words[1]+" probe 127.0.0.9", 1)
		case w == "admin":
			line = strings.Join(append([]string{w, spare(t)}, trailing(words)...), " ")
		case w == "token", w == "tls" && len(words) > 2:
			line = adminFiles(t, words)
		case w == "key" && words[1] == "file":
			keyFiles(t, words[2])
		case w == "geoip":
			geoFiles(t, words[1:])
		case w == "table":
			tableFile(t, words[1])
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n") + "\n"
}

// trailing is the brace that a line ends with, if it does.
func trailing(words []string) []string {
	if last := words[len(words)-1]; last == "{" {
		return []string{last}
	}
	return nil
}

// keyFiles writes a signing key as files of this name.
func keyFiles(t *testing.T, file string) {
	t.Helper()
	zone, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(file), "K"), "+")
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	for ending, text := range map[string]string{".key": key.String() + "\n", ".private": key.PrivateKeyString(private)} {
		if err := os.WriteFile(file+ending, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// tableFile writes a latency table of this name, of no pool that the example lacks.
func tableFile(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, []byte("source,pool,milliseconds\ncountry:DE,frankfurt,7.5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// geoFiles writes geo files of these names: their kind is told by the name.
func geoFiles(t *testing.T, files []string) {
	t.Helper()
	for _, file := range files {
		m := fake.MMDB{Kind: "City", Places: map[string]fake.Place{
			"192.0.2.0/24": {Continent: "AS", Country: "CN", Subdivision: "BJ", Lat: 39.9, Lon: 116.4, ASN: 4134},
		}}
		if strings.Contains(file, "ASN") {
			m.Kind = "ASN"
		}
		m.Write(t, file)
	}
}

// domainsOf are the names of the domain lines. Wildcards are asked for below.
func domainsOf(corefile string) []string {
	var names []string
	for line := range strings.Lines(corefile) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "domain" {
			continue
		}
		for _, word := range words[1:] {
			if word == "use" || word == "{" {
				break
			}
			names = append(names, strings.Replace(word, "*", "some.deep.name", 1))
		}
	}
	return names
}

// TestCorefileExample starts Corefile.example and asks it what it promises: two
// of three members, and the backup.
func TestCorefileExample(t *testing.T) {
	health := spareOn(t, "127.0.0.1")
	_, port := hostPort(health)
	corefile := read(t, "Corefile.example")
	for _, old := range []string{":1053 ", "8051", "127.0.0.1:8053"} {
		if !strings.Contains(corefile, old) {
			t.Fatalf("Corefile.example has no %q", old)
		}
	}
	s := start(t, strings.NewReplacer(":1053 ", ":0 ", "8051", port, "127.0.0.1:8053", spare(t)).Replace(corefile))
	s.eventuallyAnswers(t, "www.example.org", dns.TypeA, "192.0.2.10", "192.0.2.11")
	s.eventuallyAnswers(t, "app.example.org", dns.TypeA, "198.51.100.20")
	if m := s.ask(t, "www.example.org", dns.TypeAAAA); m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 {
		t.Errorf("AAAA: %s", summary(m))
	}
	if m := s.ask(t, "www.example.net", dns.TypeA); m.Rcode != dns.RcodeSuccess {
		t.Errorf("another zone: %s", summary(m))
	}
}

// TestReadmeMetrics is that the README has each metric that is exported, with its
// labels, and no other.
func TestReadmeMetrics(t *testing.T) {
	documented := map[string]bool{}
	_, text, ok := strings.Cut(read(t, "README.md"), "\n## Metrics\n")
	text, _, _ = strings.Cut(text, "\n## ")
	if !ok {
		t.Fatal("README.md has no section Metrics")
	}
	spaces := strings.NewReplacer(" ", "", "\n", "")
	for _, m := range regexp.MustCompile("`(coredns_gtm_[a-z_]+(?:{[^}]*})?)`").FindAllStringSubmatch(text, -1) {
		documented[spaces.Replace(m[1])] = true
	}

	exported := map[string]bool{}
	descs := make(chan *prometheus.Desc)
	go func() {
		prometheus.DefaultRegisterer.(*prometheus.Registry).Describe(descs)
		close(descs)
	}()
	name := regexp.MustCompile(`fqName: "(coredns_gtm_[a-z_]+)".*variableLabels: {([^}]*)}`)
	for d := range descs {
		if m := name.FindStringSubmatch(d.String()); m != nil {
			series := m[1]
			if m[2] != "" {
				series += "{" + m[2] + "}"
			}
			exported[spaces.Replace(series)] = true
		}
	}
	if len(exported) == 0 {
		t.Error("no metric of gtm is registered")
	}
	if !maps.Equal(documented, exported) {
		t.Errorf("the README has\n%s\nexported are\n%s",
			strings.Join(slices.Sorted(maps.Keys(documented)), "\n"), strings.Join(slices.Sorted(maps.Keys(exported)), "\n"))
	}
}

// TestReadmeReasons is that the README lists the reasons of results, all of them.
func TestReadmeReasons(t *testing.T) {
	_, list, ok := strings.Cut(read(t, "README.md"), "The reasons of fails: ")
	fails, couldNot, ok2 := strings.Cut(list, "of inconclusive results: ")
	couldNot, _, ok3 := strings.Cut(couldNot, "\n\n")
	if !ok || !ok2 || !ok3 {
		t.Fatal("README.md has no list of reasons")
	}
	var known []string
	for _, r := range healthcheck.Reasons() {
		where := fails
		if r.Verdict() == healthcheck.Inconclusive {
			where = couldNot
		}
		known = append(known, r.String())
		if !regexp.MustCompile("`" + regexp.QuoteMeta(r.String()) + "( (N|P%|NAME))?`").MatchString(where) {
			t.Errorf("no %q, or not in its place", r)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z][a-z: ]*?)( (?:N|P%|NAME))?`").FindAllStringSubmatch(fails+couldNot, -1) {
		if !slices.Contains(known, m[1]) {
			t.Errorf("%q is none", m[0])
		}
	}
}
