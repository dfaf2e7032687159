package gtm

import (
	"errors"
	"strings"
)

// drillBlock is that of a recovery plan.
var drillBlock = block[DrillConfig]{
	name: "plan",
	options: append([]option[DrillConfig]{
		{usage: "note TEXT", args: oneArg, prose: true, set: (*DrillConfig).setNote},
	}, drillLines()...),
}

// drillLines are the changes that a plan may have. What they say is for compile.
func drillLines() []option[DrillConfig] {
	var list []option[DrillConfig]
	for _, usage := range []string{
		"down pool|member POOL[/MEMBER]", "up pool|member POOL[/MEMBER]",
		"mode POOL/MEMBER auto|online|offline", "drain POOL/MEMBER", "undrain POOL/MEMBER", "weight POOL/MEMBER N|auto",
		"disable pool|domain NAME", "enable pool|domain NAME", "pin FAILOVER SET", "unpin FAILOVER",
	} {
		list = append(list, option[DrillConfig]{usage: usage, args: someArgs, repeat: true, set: (*DrillConfig).addChange})
	}
	return list
}

// readDrill reads a plan.
func readDrill(g *gtmDraft, l *line) error {
	cfg := DrillConfig{Pos: l.pos, Name: l.words[1]}
	_, err := drillBlock.read("plan "+quote(cfg.Name), &cfg, l, l.block)
	if err == nil && len(cfg.Changes) == 0 {
		err = l.pos.Errorf("plan %q changes nothing: write down pool POOL, or another change", cfg.Name)
	}
	g.Drills = append(g.Drills, cfg)
	return errors.Join(place(l, "plan", validName(cfg.Name)), err)
}

func (cfg *DrillConfig) setNote(l *line) error {
	if l.words[1] == "" {
		return errors.New("it is empty")
	}
	cfg.Note = l.words[1]
	return nil
}

func (cfg *DrillConfig) addChange(l *line) error {
	cfg.Changes = append(cfg.Changes, DrillChange{l.pos, strings.Join(l.words, " ")})
	return nil
}
