package commands

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"

	"github.com/drey-ops/drey/bot"
	"github.com/drey-ops/drey/platform"
	"github.com/drey-ops/drey/platform/sqltext"
)

// shownRows is how many rows a message shows; more come as a file.
const shownRows = 20

// pageBlocks shows the rows of a query so far, or when it is done all of them: as a file what does not fit.
func pageBlocks(p platform.Page, lim platform.QueryLimits) []bot.Block {
	if len(p.Columns) == 0 {
		return nil
	}
	p = withoutSecrets(p)
	if text, ok := soleText(p); ok {
		return []bot.Block{bot.Code{Body: text}}
	}
	t := bot.Table{Rows: p.Rows[:min(len(p.Rows), shownRows)]}
	for _, c := range p.Columns {
		t.Columns = append(t.Columns, c.Name)
		t.Numeric = append(t.Numeric, numeric(c.Type))
	}
	t.Foot = count(len(p.Rows), "row")
	if len(p.Rows) > shownRows {
		t.Foot = fmt.Sprintf("%d of %d rows", shownRows, len(p.Rows))
	}
	t.Foot += " in " + span(p.Elapsed)
	switch {
	case !p.Done:
		t.Foot += fmt.Sprintf(" so far; stops at %s or %s", count(lim.Rows, "row"), span(lim.Time))
	case p.More:
		t.Foot += fmt.Sprintf("; stopped at rows=%d, and its job was cancelled", lim.Rows)
	case p.Elapsed >= lim.Time:
		t.Foot += fmt.Sprintf("; stopped at time=%s, and its job was cancelled", short(lim.Time))
	}
	out := []bot.Block{t}
	if p.Done && len(p.Rows) > shownRows {
		out = append(out, bot.File{Name: "result.csv", MIME: "text/csv", Data: csvOf(p)})
	}
	return out
}

// withoutSecrets hides what a cluster tells of the options of tables, such as SHOW CREATE TABLE.
func withoutSecrets(p platform.Page) platform.Page {
	rows := make([][]string, len(p.Rows))
	for i, row := range p.Rows {
		rows[i] = slices.Clone(row)
		for j, cell := range row {
			if strings.Contains(cell, "=") && sqltext.HasSecret(cell) {
				rows[i][j] = RedactTyped(cell)
			}
		}
	}
	p.Rows = rows
	return p
}

// soleText recognises a result that is one long text, such as a plan.
func soleText(p platform.Page) (string, bool) {
	if len(p.Columns) == 1 && len(p.Rows) == 1 && strings.Contains(p.Rows[0][0], "\n") {
		return strings.TrimSpace(p.Rows[0][0]), true
	}
	return "", false
}

// numeric says whether values of a SQL type are numbers.
func numeric(typ string) bool {
	name, _, _ := strings.Cut(strings.ToUpper(typ), "(")
	name, _, _ = strings.Cut(strings.TrimSpace(name), " ")
	return slices.Contains([]string{"TINYINT", "SMALLINT", "INT", "INTEGER", "BIGINT", "DECIMAL", "DEC", "NUMERIC", "FLOAT", "DOUBLE"}, name)
}

// csvOf writes the rows as RFC 4180; cells that a spreadsheet would run as a formula begin with an apostrophe.
func csvOf(p platform.Page) []byte {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	row := make([]string, len(p.Columns))
	for i, c := range p.Columns {
		row[i] = noFormula(c.Name)
	}
	_ = w.Write(row) // a bytes.Buffer takes everything
	for _, r := range p.Rows {
		row = row[:0]
		for i, cell := range r {
			if i >= len(p.Columns) || !numeric(p.Columns[i].Type) {
				cell = noFormula(cell)
			}
			row = append(row, cell)
		}
		_ = w.Write(row)
	}
	w.Flush()
	return b.Bytes()
}

func noFormula(cell string) string {
	if cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	return cell
}
