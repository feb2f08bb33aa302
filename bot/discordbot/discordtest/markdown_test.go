package discordtest_test

import (
	"slices"
	"testing"

	"github.com/drey-ops/drey/bot/discordbot/discordtest"
)

func TestMarkdown(t *testing.T) {
	a := start(t, discordtest.Options{NoLimits: true})
	ops := a.d.Channel("ops")
	role := a.d.Role("oncall")
	for _, c := range []struct {
		in, text string
		live     []string
	}{
		{"**bold** and `code`", "bold and code", nil},
		{"```sql\nSELECT 1\nFROM x\n```", "SELECT 1\nFROM x", nil},
		{"before ```x``` after", "before x after", nil},
		{"### Title", "Title", nil},
		{"# Title\nmore", "Title\nmore", []string{"heading # Title"}},
		{"-# small print", "small print", nil},
		{`\*b\* \_i\_ \~\~s\~\~ \` + "`c\\`", "*b* _i_ ~~s~~ `c`", nil},
		{"*b*", "b", []string{"italics *b*"}},
		{"_i_ snake_case_name", "i snake_case_name", []string{"italics _i_"}},
		{"**bold *it* x**", "bold it x", []string{"italics *it*"}},
		{`**bold \*b\* \*\*x\*\* end**`, "bold *b* **x** end", nil},
		{"__u__ ~~s~~ ||p||", "u s p", []string{"underline __u__", "strike ~~s~~", "spoiler ||p||"}},
		{"> quote", "quote", []string{"quote > quote"}},
		{`\> quote`, "> quote", nil},
		{"a > b", "a > b", nil},
		{"- item", "• item", []string{"list - item"}},
		{`\- item`, "- item", nil},
		{"1. one", "1. one", []string{"list 1. one"}},
		{"[a](https://x.example)", "a", []string{"link [a](https://x.example)"}},
		{"[a](<https://x.example>)", "a", nil},
		{"see https://x.example/y.", "see https://x.example/y.", []string{"link https://x.example/y"}},
		{`see https:\//x.example/y`, "see https://x.example/y", nil},
		{`<https://x.example|drey>`, "https://x.example|drey", []string{"link <https://x.example|drey>"}},
		{"@everyone", "@everyone", nil},
		{"<@&" + role + ">", "@oncall", nil},
		{`\<@&` + role + ">", "<@&" + role + ">", nil},
		{"`<@&" + role + "> @here *x*`", "<@&" + role + "> @here *x*", nil},
		{"`` a`b ``", " a`b ", nil},
		{"`` `a ``", "`a ", nil},
		{"<t:0:R>", "1970-01-01 00:00 UTC", nil},
		{"``\u200b`x", "```x", nil},
		{`\\*x*`, `\x`, []string{"italics *x*"}},
		{`C:\new`, `C:\new`, nil},
		{"2 * 3 * 4", "2 * 3 * 4", nil},
	} {
		m := a.want(200, "POST", "channels/"+ops+"/messages", object{"content": c.in, "allowed_mentions": none()})
		seen := a.d.See("ann", ops, "")
		got := seen[len(seen)-1]
		if got.ID != m["id"] || got.Text != c.text || !slices.Equal(got.Live, c.live) {
			t.Errorf("%q is shown as %q with %q, want %q with %q", c.in, got.Text, got.Live, c.text, c.live)
		}
	}
	a.want(200, "POST", "channels/"+ops+"/messages", object{"content": "<@&" + role + "> @everyone", "allowed_mentions": object{"parse": []any{}, "roles": []any{role}}})
	seen := a.d.See("ann", ops, "")
	if got := seen[len(seen)-1]; !slices.Equal(got.Live, []string{"mention <@&" + role + ">"}) {
		t.Errorf("live is %q", got.Live)
	}
}
