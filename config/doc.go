// Package config reads the one YAML file: it expands secrets, refuses what it does not know, and says of every mistake
// where it stands and what is allowed. The settings themselves belong to the packages that they configure.
package config
