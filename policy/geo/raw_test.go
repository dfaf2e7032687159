package geo

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// raw is a file as no writer would write it: node by node, byte by byte.
type raw struct {
	size  int         // of a record, in bits; 0: 24
	nodes [][2]uint32 // what their records say
	data  []byte
	meta  rec // over what the metadata say by themselves; nil: not there
}

// leaf is what the record of a node says that leads to the data at an offset.
func (r raw) leaf(offset int) uint32 { return uint32(len(r.nodes) + 16 + offset) }

// none is what the record of a node says that leads nowhere.
func (r raw) none() uint32 { return uint32(len(r.nodes)) }

func (r raw) bytes() []byte {
	size := max(r.size, 24)
	var b []byte
	for _, n := range r.nodes {
		switch size {
		case 24:
			b = append(b, byte(n[0]>>16), byte(n[0]>>8), byte(n[0]), byte(n[1]>>16), byte(n[1]>>8), byte(n[1]))
		case 28:
			b = append(b, byte(n[0]>>16), byte(n[0]>>8), byte(n[0]), byte(n[0]>>24<<4|n[1]>>24), byte(n[1]>>16), byte(n[1]>>8), byte(n[1]))
		default:
			b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, n[0]), n[1])
		}
	}
	b = append(b, make([]byte, 16)...)
	b = append(b, r.data...)
	meta := rec{
		"node_count": uint32(len(r.nodes)), "record_size": uint16(size), "ip_version": uint16(6), "database_type": "test",
		"build_epoch": uint64(1_767_225_600), "binary_format_major_version": uint16(2), "binary_format_minor_version": uint16(0),
		"languages": []any{}, "description": rec{},
	}
	for key, v := range r.meta {
		if meta[key] = v; v == nil {
			delete(meta, key)
		}
	}
	return append(append(b, "\xab\xcd\xefMaxMind.com"...), encoded(meta)...)
}

// pointer is a pointer to an offset of the data.
type pointer int

// as is bytes that are encoded already.
type as []byte

// encoded is a value in the data section's form.
func encoded(v any) []byte {
	switch v := v.(type) {
	case as:
		return v
	case pointer:
		return binary.BigEndian.AppendUint32([]byte{1<<5 | 3<<3}, uint32(v))
	case string:
		return append(control(2, len(v)), v...)
	case float64:
		return binary.BigEndian.AppendUint64(control(3, 8), math.Float64bits(v))
	case uint16:
		return binary.BigEndian.AppendUint16(control(5, 2), v)
	case uint32:
		return binary.BigEndian.AppendUint32(control(6, 4), v)
	case uint64:
		return binary.BigEndian.AppendUint64(control(9, 8), v)
	case rec:
		b := control(7, len(v))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b = append(append(b, encoded(key)...), encoded(v[key])...)
		}
		return b
	case []any:
		b := control(11, len(v))
		for _, x := range v {
			b = append(b, encoded(x)...)
		}
		return b
	}
	panic(fmt.Sprintf("%T has no form here", v))
}

// control are the bytes that say a value's type and size.
func control(kind, size int) []byte {
	var more []byte
	switch {
	case size >= 65821:
		n := size - 65821
		size, more = 31, []byte{byte(n >> 16), byte(n >> 8), byte(n)}
	case size >= 285:
		size, more = 30, binary.BigEndian.AppendUint16(nil, uint16(size-285))
	case size >= 29:
		size, more = 29, []byte{byte(size - 29)}
	}
	if kind > 7 {
		return append([]byte{byte(size), byte(kind - 7)}, more...)
	}
	return append([]byte{byte(kind<<5 | size)}, more...)
}

// chain is a tree that has one leaf, behind as many zeros as there are nodes.
func chain(depth int, data []byte) raw {
	r := raw{nodes: make([][2]uint32, depth), data: data}
	for i := range r.nodes {
		r.nodes[i] = [2]uint32{uint32(i + 1), r.none()}
	}
	r.nodes[depth-1][0] = r.leaf(0)
	return r
}

// everywhere is a tree of one node, both of whose records are the same.
func everywhere(data []byte) raw {
	r := raw{nodes: make([][2]uint32, 1), data: data}
	r.nodes[0] = [2]uint32{r.leaf(0), r.leaf(0)}
	return r
}
