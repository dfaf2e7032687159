package gtm

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/coredns/coredns/plugin/pkg/fall"

	"github.com/gtm-dns/coredns-gtm/healthcheck"
	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/plugin/notify"
	"github.com/gtm-dns/coredns-gtm/policy"
	"github.com/gtm-dns/coredns-gtm/policy/geo"
	"github.com/gtm-dns/coredns-gtm/pool"
)

// Config is one gtm block of a Corefile, read but not yet understood: names are
// still names. parse makes it, compile turns it into a plan.
type Config struct {
	Pos       Pos
	Name      string
	Zones     []string // canonical: lower case, with the last dot
	ECS       ECSConfig
	TTL       TTLConfig        // the default of every domain
	Authority *AuthorityConfig // or nil
	Fall      fall.F
	State     string // file, under CoreDNS's root, or ""
	FastPath  bool
	MaxProbes int          // in flight, or 0
	Admin     *AdminConfig // or nil
	Geo       []GeoConfig
	Regions   []RegionConfig
	Checks    []CheckConfig
	Pools     []PoolConfig
	Failovers []FailoverConfig
	Policies  []PolicyConfig
	Domains   []DomainConfig
	Drills    []DrillConfig
	Notify    []NotifyConfig
}

// Pos is where something stands in a Corefile.
type Pos struct {
	File string
	Line int
}

func (p Pos) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// Errorf is an error with its place in front.
func (p Pos) Errorf(format string, args ...any) error {
	return fmt.Errorf("%s: %w", p, fmt.Errorf(format, args...))
}

// seenFrom is where p is, for someone who reads at: "on line 3", or with its file.
func (p Pos) seenFrom(at Pos) string {
	if p.File == at.File {
		return fmt.Sprintf("on line %d", p.Line)
	}
	return fmt.Sprintf("on %s:%d", p.File, p.Line)
}

// ECSConfig says which resolvers may send EDNS Client Subnet.
type ECSConfig struct {
	On   bool
	From []netip.Prefix // if not empty, only these
}

// TTLConfig is a TTL with its lower value for unsettled times, in seconds.
type TTLConfig struct {
	TTL    uint32
	Min    uint32
	HasMin bool
}

// AuthorityConfig makes the block the authority of its zones.
type AuthorityConfig struct {
	Pos  Pos
	NS   []string // canonical
	Mbox string   // canonical, or ""
}

// AdminConfig is where the admin API listens, and for whom.
type AdminConfig struct {
	Pos    Pos
	Addr   string // of an IP, or of a host name
	Access *admin.Access
	Err    error // why the access is one that was read earlier; or nil
}

// GeoConfig is a geo file.
type GeoConfig struct {
	Pos  Pos
	File *geo.File
	Err  error // why the file is one that was read earlier; or nil
}

// RegionConfig is a named source: its lines are ORed, the sources of a line ANDed.
type RegionConfig struct {
	Pos   Pos
	Name  string
	Match []RegionMatch
}

// RegionMatch is one line of a region.
type RegionMatch struct {
	Pos     Pos
	Sources []policy.Source
}

// CheckConfig is a check without its target.
type CheckConfig struct {
	Pos        Pos
	Name       string // "" for one that stands inline in a pool
	Port       uint16 // 0: the kind has none, or each pool says it
	Options    healthcheck.Options
	Thresholds healthcheck.Thresholds
}

// CheckUse is a check line of a pool.
type CheckUse struct {
	Pos    Pos
	Name   string       // of a declared check, or ""
	Port   uint16       // in place of the declared one; 0: as declared
	Inline *CheckConfig // or nil
}

// PoolConfig is a pool.
type PoolConfig struct {
	Pos          Pos
	Name         string
	Members      []MemberConfig
	Checks       []CheckUse
	CheckRequire pool.Quorum
	HealthyWhen  pool.Quorum
	Balance      pool.Balance
	Answers      int           // pool.All or more
	SlowStart    time.Duration // 0: none
	At           *geo.Point    // or nil
}

// MemberConfig is an address line of a pool.
type MemberConfig struct {
	Pos    Pos
	Addr   netip.Addr // invalid for a host name
	Host   string     // canonical, or ""
	Weight int        // 0 to 65535
	Name   string     // or ""
	Mode   pool.Mode
	Probe  string // an address or canonical host name in place of the one answered, or ""
	Port   uint16 // of Probe, in place of the check's; 0: as the check says
	From   []policy.Source
	At     *geo.Point // in place of the pool's; or nil
}

// FailoverConfig is a failover.
type FailoverConfig struct {
	Pos           Pos
	Name          string
	Sets          []SetConfig
	Recovery      pool.Recovery
	FailoverDelay time.Duration
	FailbackDelay time.Duration
	Pin           string // the name of a set, or "" for auto
	PinPos        Pos
}

// SetConfig is a set of a failover.
type SetConfig struct {
	Pos          Pos
	Name         string
	Pools        []SetPool
	Balance      pool.Balance
	Answers      int // pool.All or more
	MinAvailable int // at least 1
	MinPos       Pos // of min_available, when it is said
}

// SetPool is a pool of a set.
type SetPool struct {
	Pos    Pos
	Name   string
	Weight int // 0 to 65535
}

// PolicyConfig is a policy: by rules, or by latency.
type PolicyConfig struct {
	Pos        Pos
	Name       string
	Rules      []RuleConfig
	Latency    *LatencyConfig // or nil
	Default    string
	DefaultPos Pos
}

// LatencyConfig is how a latency policy chooses.
type LatencyConfig struct {
	Pools     []PoolUse
	Table     *TableConfig // or nil
	Tolerance time.Duration
	Answers   int // 1 to policy.MaxLatencyAnswers
}

// PoolUse is a pool that a latency policy chooses among.
type PoolUse struct {
	Pos  Pos
	Name string
}

// TableConfig is the file of a latency table, as it was read.
type TableConfig struct {
	Pos     Pos
	File    string
	Content []byte
}

// RuleConfig is a from line of a policy.
type RuleConfig struct {
	Pos   Pos
	From  []policy.Source
	Use   string
	Fence bool
}

// DomainConfig is a domain line with its names.
type DomainConfig struct {
	Pos       Pos
	Names     []string // canonical
	Use       string
	UsePos    Pos
	TTL       *TTLConfig // or nil: the block's; has inherited its min
	TTLPos    Pos
	OnAllDown AllDownConfig
}

// AllDownConfig is what a domain answers when nothing is available.
type AllDownConfig struct {
	Pos   Pos
	Kind  policy.AllDownKind
	CNAME string       // canonical, for AllDownCNAME
	Addrs []netip.Addr // for AllDownAddress
}

// DrillConfig is a recovery plan.
type DrillConfig struct {
	Pos     Pos
	Name    string
	Changes []DrillChange
	Note    string // or ""
}

// DrillChange is a line of a recovery plan.
type DrillChange struct {
	Pos  Pos
	Text string
}

// NotifyConfig is a sink of alerts.
type NotifyConfig struct {
	Pos  Pos
	Name string
	Sink *notify.Sink
}
