// Package storagetest gives tests a store: a fast one in memory, or a real redis-server that can be stopped, killed and
// started again. Run is the suite that every kind of store passes.
package storagetest
