package gtm

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gtm-dns/coredns-gtm/plugin/admin"
	"github.com/gtm-dns/coredns-gtm/plugin/notify"
)

// notifyDraft is a sink while its block is read.
type notifyDraft struct {
	notify.SinkConfig
	root string // where relative files are
}

// notifyBlock is that of notify NAME KIND.
var notifyBlock = block[notifyDraft]{
	name:    "notify",
	private: true,
	options: []option[notifyDraft]{
		{usage: "on EVENT...", args: someArgs, repeat: true, set: (*notifyDraft).addEvents},
		{usage: "only KEY=VALUE...", args: someArgs, repeat: true, set: (*notifyDraft).addSelector},
		{usage: "delay DURATION", args: oneArg, set: (*notifyDraft).setDelay},
		{usage: "repeat DURATION", args: oneArg, set: (*notifyDraft).setRepeat},
		{usage: "link URL", args: oneArg, prose: true, set: (*notifyDraft).setLink},
		{usage: "secret SECRET", args: oneArg, prose: true, set: (*notifyDraft).setSecret},
		{usage: "tls_ca FILE", args: oneArg, set: (*notifyDraft).setCA},
		{usage: "from ADDR", args: oneArg, set: (*notifyDraft).setFrom},
		{usage: "to ADDR...", args: someArgs, set: (*notifyDraft).setTo},
		{usage: "user NAME PASSWORD", args: arity{2, 2}, prose: true, set: (*notifyDraft).setUser},
		{usage: "starttls on|off", args: oneArg, set: (*notifyDraft).setStartTLS},
	},
}

// The bounds of a sink's times.
const (
	maxDelay  = 24 * time.Hour
	minRepeat = time.Minute
	maxRepeat = 30 * 24 * time.Hour
)

// defaultEvents are those that a sink is told of which names none: what happened to
// answers, and to what they depend on, once. Sets and checks are left out: a set's
// pools, and a check's members, say it already.
var defaultEvents = []string{
	"member_down", "member_up", "pool_unavailable", "pool_available",
	"failover_switched", "failover_back", "failover_locked", "failover_unlocked",
	"domain_down", "domain_up", "frozen", "thawed", "file_failed", "file_read",
	"plan_executed", "plan_rolled_back",
}

// readNotify reads a sink. Its errors repeat nothing that may be secret.
func readNotify(g *gtmDraft, l *line) error {
	name, kind := l.words[1], notify.Kind(l.words[2])
	if !bare(name) {
		return l.pos.Errorf("notify: its name is none: want a letter, then letters, digits, _ and -, all in lower case: write %s", usageOfNotify)
	}
	what := fmt.Sprintf("notify %q", name)
	target, many := notify.Target(kind)
	switch targets := l.words[3:]; {
	case target == "" && bare(string(kind)):
		return l.pos.Errorf("%s: %q is not a kind of sink: %s", what, kind, suggest(string(kind), "want one of", texts(notify.Kinds())))
	case target == "":
		return l.pos.Errorf("%s: it lacks its kind: write %s", what, usageOfNotify)
	case len(targets) > 1 && !many:
		return l.pos.Errorf("%s: %s has %d arguments, not 1: write notify NAME %[2]s %[4]s", what, kind, len(targets), target)
	}
	d := notifyDraft{root: g.root, SinkConfig: notify.SinkConfig{Name: name, Kind: kind}}
	errs := []error{place(l, "notify", validName(name))}
	for _, word := range l.words[3:] {
		secret, err := notify.ReadSecret(word, g.root)
		errs = append(errs, place(l, what, err))
		d.Targets = append(d.Targets, secret)
	}
	_, err := notifyBlock.read(what, &d, l, l.block)
	if len(d.On) == 0 {
		d.On = defaultEvents
	}
	if err = errors.Join(append(errs, err)...); err != nil {
		g.Notify = append(g.Notify, NotifyConfig{Pos: l.pos, Name: name})
		return err
	}
	sink, err := notify.NewSink(d.SinkConfig)
	g.Notify = append(g.Notify, NotifyConfig{Pos: l.pos, Name: name, Sink: sink})
	return place(l, what, err)
}

const usageOfNotify = "notify NAME KIND TARGET... [{ ... }]"

// bare says whether a word looks like a name, and so can be repeated in an error
// where a secret may stand.
func bare(word string) bool {
	return len(word) <= 32 && word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz0123456789_-") == "" && !digits(word[:1])
}

// takes says that an option does not belong to the sink's kind.
func (d *notifyDraft) takes(key notify.Key) error {
	if kinds := notify.Taking(key); !slices.Contains(kinds, d.Kind) {
		return fmt.Errorf("it does not belong to a sink of kind %s: it is for %s", d.Kind, join(kinds))
	}
	return nil
}

func (d *notifyDraft) addEvents(l *line) error {
	for _, kind := range l.args() {
		if !slices.Contains(admin.EventKinds(), kind) {
			return fmt.Errorf("%q is not an event: %s", kind, suggest(kind, "want some of", admin.EventKinds()))
		}
		if slices.Contains(d.On, kind) {
			return fmt.Errorf("%s stands there twice", kind)
		}
		d.On = append(d.On, kind)
	}
	return nil
}

func (d *notifyDraft) addSelector(l *line) error {
	s, err := notify.ParseSelector(l.args())
	d.Only = append(d.Only, s)
	return err
}

func (d *notifyDraft) setDelay(l *line) (err error) {
	d.Delay, err = parseDuration(l.words[1], 0, maxDelay)
	return err
}

func (d *notifyDraft) setRepeat(l *line) (err error) {
	if err := d.takes(notify.KeyRepeat); err != nil {
		return fmt.Errorf("%w; Alertmanager repeats by itself", err)
	}
	d.Repeat, err = parseDuration(l.words[1], minRepeat, maxRepeat)
	return err
}

func (d *notifyDraft) setLink(l *line) error {
	u, err := url.Parse(l.words[1])
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("it is not a URL such as https://gtm.example.org/")
	}
	d.Link = u.String()
	return nil
}

func (d *notifyDraft) setSecret(l *line) (err error) {
	if err := d.takes(notify.KeySecret); err != nil {
		return err
	}
	d.Secret, err = notify.ReadSecret(l.words[1], d.root)
	return err
}

func (d *notifyDraft) setCA(l *line) error {
	if err := d.takes(notify.KeyCA); err != nil {
		return err
	}
	check := checkDraft{root: d.root}
	text, err := check.file(l.words[1])
	if err != nil {
		return err
	}
	d.Roots = x509.NewCertPool()
	if !d.Roots.AppendCertsFromPEM([]byte(text)) {
		return fmt.Errorf("%q holds no certificate in PEM", l.words[1])
	}
	return nil
}

func (d *notifyDraft) setFrom(l *line) error {
	d.Mail.From = l.words[1]
	return d.takes(notify.KeyFrom)
}

func (d *notifyDraft) setTo(l *line) error {
	d.Mail.To = l.args()
	return d.takes(notify.KeyTo)
}

func (d *notifyDraft) setUser(l *line) (err error) {
	if err := d.takes(notify.KeyUser); err != nil {
		return err
	}
	d.Mail.User = l.words[1]
	d.Mail.Password, err = notify.ReadSecret(l.words[2], d.root)
	return err
}

func (d *notifyDraft) setStartTLS(l *line) error {
	on, err := parseOnOff(l.words[1])
	d.Mail.Plain = !on
	if err == nil {
		err = d.takes(notify.KeyStartTLS)
	}
	return err
}
