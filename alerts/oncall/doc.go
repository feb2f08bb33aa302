// Package oncall knows who is on call: by a rota in the configuration, or by a calendar in iCalendar's form (RFC 5545).
//
// A rota is a list of layers; the first that covers a moment says whose turn it is, and an override goes before all of
// them. Turns are counted in days of the local calendar and change at a time of the local clock: a handover at 09:00 is
// at 09:00 the whole year, and the shift over the night in which clocks are changed has 23 or 25 hours.
//
// A calendar is fetched now and then; between two times, and while its server is away, the last good copy counts. It is
// kept in the store, so that a restart at a bad moment does not leave nobody on call:
//
//	table oncall-calendars  NAME/HASH    HASH is that of the address, which is a secret and stands nowhere
//
// # Times that there are not, and times that there are twice
//
// Where clocks are put forward, a time that does not exist is taken by the offset from before, as RFC 5545 says: 02:30 becomes
// 03:30. Where they are put back, a time that comes twice is the first of the two.
//
// # Repeating events
//
// They are expanded by the clock on the wall, and each occurrence is then given its own moment; its end is that of the wall as
// well, as calendar programs show it, and not an exact number of hours later. The zone of an event is that of its TZID in the
// zone database; a name that is not there, such as Microsoft's, is read from the VTIMEZONE that the calendar brings along.
package oncall
