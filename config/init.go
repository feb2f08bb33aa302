package config

import (
	_ "embed"
)

//go:embed drey.yaml
var initial string

// Initial is the commented file that drey config init writes. It loads as it is, once the variables that it names are set.
func Initial() string { return initial }
