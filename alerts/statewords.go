package alerts

import "time"

// StateWords says in a few words how the incident stands, for the row of a list: "firing", "silenced until 18:00", "firing,
// muted until tomorrow 06:00", "kept back". Times are in zone.
func (i *Incident) StateWords(now time.Time, zone *time.Location) string {
	state := i.State()
	switch {
	case state == Resolved:
		return state
	case state == Silenced:
		return i.silencedWords(now, zone)
	case len(i.Holds) > 0:
		return "kept back"
	}
	if until := i.mutedUntil(now); !until.IsZero() {
		return state + ", muted until " + soon(until, now, zone)
	}
	return state
}

func (i *Incident) silencedWords(now time.Time, zone *time.Location) string {
	switch own := i.ownSilence(); {
	case own != nil && own.Keep:
		return "silenced until resolved"
	case own != nil:
		return "silenced until " + soon(own.Until, now, zone)
	case i.Suppressed.Inhibited:
		return "inhibited"
	case !i.Suppressed.Until.IsZero():
		return "silenced until " + soon(i.Suppressed.Until, now, zone)
	}
	return Silenced
}

// mutedUntil is when the first of its channels speaks again; zero while one does.
func (i *Incident) mutedUntil(now time.Time) (until time.Time) {
	for _, t := range i.Targets {
		if !t.Quiet.After(now) {
			return time.Time{}
		}
		if until.IsZero() || t.Quiet.Before(until) {
			until = t.Quiet
		}
	}
	return until
}

// soon is a time to come in as few characters as leave no doubt: 18:00, tomorrow 06:00, Fri 06:00, 2026-12-20.
func soon(t, now time.Time, zone *time.Location) string {
	t, now = t.In(zone), now.In(zone)
	day := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC) }
	switch days := int(day(t).Sub(day(now)).Hours() / 24); {
	case days == 0:
		return t.Format("15:04")
	case days == 1:
		return "tomorrow " + t.Format("15:04")
	case days > 1 && days < 7:
		return t.Format("Mon 15:04")
	}
	return t.Format("2006-01-02")
}
