package slackbot

import (
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"github.com/drey-ops/drey/bot"
)

const (
	rowsMax   = 100
	colsMax   = 20
	cellWidth = 40 // characters; longer cells are wrapped, shorter ones keep their row low
	narrow    = 44 // columns of a fixed font that a phone shows in one line
	noCell    = "–"
	tableGap  = "  "
)

// tableOf shows a table: one as a table block, further ones, and those where there are no table blocks, as text.
func (d *drawer) tableOf(t bot.Table) []slack.Block {
	width := len(t.Columns)
	for _, r := range t.Rows {
		width = max(width, len(r))
	}
	if width == 0 {
		return d.small(t.Foot)
	}
	if !d.tables || d.table || width > colsMax || len(t.Rows) >= rowsMax {
		return d.tableText(t)
	}
	d.table = true
	b := slack.NewTableBlock("")
	if head := d.headRow(t.Columns, width); head != nil {
		b.AddRow(head...)
	}
	for _, r := range t.Rows {
		b.AddRow(d.row(r, width)...)
	}
	w := widths(t)
	for i := range width {
		s := slack.ColumnSetting{Align: slack.ColumnAlignmentLeft, IsWrapped: w[i] > cellWidth}
		if i < len(t.Numeric) && t.Numeric[i] {
			s = slack.ColumnSetting{Align: slack.ColumnAlignmentRight}
		}
		b.ColumnSettings = append(b.ColumnSettings, s)
	}
	if len(b.Rows) == 0 {
		return d.small(t.Foot)
	}
	return append([]slack.Block{b}, d.small(t.Foot)...)
}

func cell(cells []string, i int) string {
	if i >= len(cells) || strings.TrimSpace(cells[i]) == "" {
		return noCell // Slack refuses an empty cell
	}
	return cells[i]
}

func (d *drawer) headRow(names []string, width int) []slack.TableCell {
	if strings.TrimSpace(strings.Join(names, "")) == "" {
		return nil
	}
	row := make([]slack.TableCell, width)
	for i := range row {
		row[i] = slack.NewTableRichTextCell(section(d.run(cell(names, i), true, false)))
	}
	return row
}

func (d *drawer) row(cells []string, width int) []slack.TableCell {
	row := make([]slack.TableCell, width)
	for i := range row {
		c := cell(cells, i)
		d.used += bot.Length(c)
		row[i] = slack.NewTableRawTextCell(c)
	}
	return row
}

// tableText is a table in a fixed font where it is narrow enough for a phone, else a line for each row.
func (d *drawer) tableText(t bot.Table) []slack.Block {
	var body slack.RichTextElement
	w := widths(t)
	total := -len(tableGap)
	for _, n := range w {
		total += n + len(tableGap)
	}
	if total <= narrow || d.terse > 0 {
		body = preformatted(d.run(aligned(t, w), false, false))
	} else {
		body = section(d.lines(t))
	}
	switch {
	case t.Foot == "":
		return rich(body)
	case d.terse > 0: // a block less
		return rich(body, section(d.run(t.Foot, false, false)))
	}
	return append(rich(body), d.small(t.Foot)...)
}

// lines shows each row as its first cell, and below it the others with the names of their columns.
func (d *drawer) lines(t bot.Table) []slack.RichTextSectionElement {
	var out []slack.RichTextSectionElement
	for i, r := range t.Rows {
		if i > 0 {
			out = append(out, d.run("\n", false, false)...)
		}
		var rest []string
		for k := 1; k < len(r); k++ {
			switch {
			case strings.TrimSpace(r[k]) == "":
			case k < len(t.Columns) && t.Columns[k] != "":
				rest = append(rest, t.Columns[k]+": "+r[k])
			default:
				rest = append(rest, r[k])
			}
		}
		out = append(out, d.run(cell(r, 0), true, false)...)
		if len(rest) > 0 {
			out = append(out, d.run("\n"+strings.Join(rest, " · "), false, false)...)
		}
	}
	if len(out) == 0 {
		out = d.run(strings.Join(t.Columns, " · ")+": no rows", false, false)
	}
	return out
}

func widths(t bot.Table) []int {
	var w []int
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		for i := range row {
			if i == len(w) {
				w = append(w, 0)
			}
			w[i] = max(w[i], bot.Length(cell(row, i)))
		}
	}
	return w
}

// aligned is t in a fixed font.
func aligned(t bot.Table, w []int) string {
	rows := t.Rows
	if strings.TrimSpace(strings.Join(t.Columns, "")) != "" {
		rows = slices.Insert(slices.Clone(rows), 0, t.Columns)
	}
	lines := make([]string, 0, len(rows))
	for _, r := range rows {
		var line strings.Builder
		for i := range r {
			c := cell(r, i)
			pad := strings.Repeat(" ", w[i]-bot.Length(c))
			if i < len(t.Numeric) && t.Numeric[i] {
				c = pad + c
			} else {
				c += pad
			}
			line.WriteString(c + tableGap)
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	if len(lines) == 0 {
		return noCell
	}
	return strings.Join(lines, "\n")
}
