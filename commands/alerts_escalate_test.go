package commands

import "testing"

func TestAlertsEscalate(t *testing.T) {
	r := alertsRig(t)
	wants(t, r.says("vera", "/alerts escalate aaa111"), "You may not do that here", "alert.escalate")
	wants(t, r.says("olga", "/alerts escalate aaa111"), `said: olga escalates aaa111 by "", step 0`)
	wants(t, r.says("olga", "/alerts escalate aaa111 night step=2"), `said: olga escalates aaa111 by "night", step 2`)
	wants(t, r.says("olga", "/alerts escalate zzz999"), "Not found")
}

func TestAlertsOncall(t *testing.T) {
	r := alertsRig(t)
	wants(t, r.says("vera", "/alerts oncall"), "On call", "calendar | nobody", "primary | ", "Mon 09:00 CET", "The calendar of calendar is being read")
	wants(t, r.says("vera", "/alerts oncall primary"), "On call in primary: ", "Times are those of Europe/Berlin", "Mon 09:00 CET")
	wants(t, r.says("vera", "/alerts oncall tertiary"), `There is no schedule "tertiary"; there are: calendar, primary`)
}
