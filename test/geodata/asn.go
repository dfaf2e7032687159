package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/gtm-dns/coredns-gtm/test/fake"
)

// compile makes an ASN file of CSV files, as a flat file of that family was: first
// address, last address, number, organization.
func compile(to string, from []string) error {
	places := map[string]fake.Place{}
	for _, name := range from {
		if err := read(name, places); err != nil {
			return err
		}
	}
	return fake.MMDB{Kind: "ASN", Flat: true, Built: time.Now(), Places: places}.Save(to)
}

// read adds the rows of one CSV file.
func read(name string, places map[string]fake.Place) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = 4
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		asn, err := strconv.ParseUint(row[2], 10, 32)
		if err != nil {
			line, _ := r.FieldPos(2)
			return fmt.Errorf("%s:%d: %q is no AS number", filepath.Base(name), line, row[2])
		}
		places[row[0]+"-"+row[1]] = fake.Place{ASN: uint32(asn), Organization: row[3]}
	}
}
