// Package guard compiles the conditions that people write in expr, and keeps a hostile or clumsy one harmless: what a
// rule costs is bounded by its length and by the size of what it looks at.
//
// # Design
//
// The expr engine cannot be interrupted, so a time limit would only abandon a goroutine that goes on burning a core.
// Instead everything that could loop, grow or call is refused at compile time: closures, ranges, variables, methods,
// string building, computed or huge regular expressions, and every builtin that is not on a short list. What is left
// compiles to bytecode without a backward jump, which is checked, so a rule takes at most as many steps as it has
// instructions, and each step is linear in the text it looks at. That is a proof, not a time-out.
//
// An [Index] makes many rules cheap: most of them can only hold when some text has one of a few values, which a map
// finds without evaluating anything.
package guard
