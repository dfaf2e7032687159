package geo

import "strings"

// byContinent are the countries of ISO 3166-1, and XK, which all files have for
// Kosovo, by the continent where UN M.49 has them: its Africa, Asia, Europe and
// Oceania, its North and South America. M.49 has none for AQ, and does not speak of
// TW and XK.
var byContinent = map[string]string{ // code -> countries
	"AF": `AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW IO KE KM LR LS LY MA
		MG ML MR MU MW MZ NA NE NG RE RW SC SD SH SL SN SO SS ST SZ TD TF TG TN TZ UG YT ZA ZM ZW`,
	"AN": `AQ`,
	"AS": `AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR KW KZ LA LB LK MM MN
		MO MV MY NP OM PH PK PS QA SA SG SY TH TJ TL TM TR TW UZ VN YE`,
	"EU": `AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT
		LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK`,
	"NA": `AG AI AW BB BL BM BQ BS BZ CA CR CU CW DM DO GD GL GP GT HN HT JM KN KY LC MF MQ MS MX NI
		PA PM PR SV SX TC TT US VC VG VI`,
	"OC": `AS AU CC CK CX FJ FM GU HM KI MH MP NC NF NR NU NZ PF PG PN PW SB TK TO TV UM VU WF WS`,
	"SA": `AR BO BR BV CL CO EC FK GF GS GY PE PY SR UY VE`,
}

var continentOf = func() map[Code]Code { // country -> continent
	m := map[Code]Code{}
	for continent, list := range byContinent {
		for country := range strings.FieldsSeq(list) {
			m[codeOf(country)] = codeOf(continent)
		}
	}
	return m
}()

// codeOf is a text of two letters as a Code.
func codeOf(text string) Code { return Code([]byte(text)) }

// ContinentOf is the continent of a country, for files that do not say it; the
// zero Code where it is no country's.
func ContinentOf(country Code) Code { return continentOf[country] }

func isCountry(text string) bool {
	return len(text) == len(Code{}) && ContinentOf(codeOf(text)) != Code{}
}

func isContinent(text string) bool { return byContinent[text] != "" }
