// Package diagnosis judges what a cluster tells of a job: why it fails, what holds it back, how its checkpoints go. It is
// pure: it asks nobody, and the same look gives the same answer.
//
// # Fingerprints
//
// A fingerprint names a root cause across jobs, restarts and clusters. It is made of the exception's class, which always
// counts, its message without what differs from one time to the next (numbers, ids, paths, addresses, quoted values), and
// the topmost frame of the stack that is neither Java's nor Flink's nor that of a well-known library. Line numbers do not
// count: they move with every build. What tells causes apart and is a number all the same stays: HTTP and SQL codes, exit
// codes, ORA-00942.
//
// # Design
//
// A message is masked by replacing, not by a catalogue of known errors: user code throws what it likes. Each rule leaves a
// placeholder that no rule matches again, so that masking what is masked changes nothing. The form of a fingerprint is kept
// in the store for months: changing a rule makes old causes look new.
package diagnosis
