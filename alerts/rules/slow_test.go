package rules_test

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
)

// slowJar writes a JAR with one function for SQL, drey.Slow: eval(Long x, Long ms) sleeps ms and returns x. Work that is
// slow without keeping a processor busy cannot be had in SQL alone, and no Java compiler is asked for.
func slowJar(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.Create("drey/Slow.class")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(slowClass()); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "slow.jar")
	if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// classFile is a Java class file in the making, as chapter 4 of the Java Virtual Machine Specification lays it out.
type classFile struct {
	pool []byte
	n    uint16 // constants so far
}

func put(parts ...any) []byte {
	var out []byte
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p...)
		case []byte:
			out = append(out, p...)
		case byte:
			out = append(out, p)
		case uint16:
			out = binary.BigEndian.AppendUint16(out, p)
		case uint32:
			out = binary.BigEndian.AppendUint32(out, p)
		default:
			panic("a part of a class file of an unknown type")
		}
	}
	return out
}

func (c *classFile) constant(parts ...any) uint16 {
	c.pool = append(c.pool, put(parts...)...)
	c.n++
	return c.n
}

func (c *classFile) text(s string) uint16     { return c.constant(byte(1), uint16(len(s)), s) }
func (c *classFile) class(name string) uint16 { return c.constant(byte(7), c.text(name)) }

func (c *classFile) methodRef(class uint16, name, descriptor string) uint16 {
	return c.constant(byte(10), class, c.constant(byte(12), c.text(name), c.text(descriptor)))
}

// method is a public one with its code.
func (c *classFile) method(name, descriptor string, stack, locals uint16, code []byte) []byte {
	attribute := put(stack, locals, uint32(len(code)), code, uint16(0), uint16(0))
	return put(uint16(1), c.text(name), c.text(descriptor), uint16(1), c.text("Code"), uint32(len(attribute)), attribute)
}

func slowClass() []byte {
	const (
		aload0, aload1, aload2                            = byte(0x2a), byte(0x2b), byte(0x2c)
		invokeVirtual, invokeSpecial, invokeStatic        = byte(0xb6), byte(0xb7), byte(0xb8)
		areturn, done                                     = byte(0xb0), byte(0xb1)
		publicSuper, version8                      uint16 = 0x21, 52
	)
	var c classFile
	this, super := c.class("drey/Slow"), c.class("org/apache/flink/table/functions/ScalarFunction")
	superInit := c.methodRef(super, "<init>", "()V")
	longValue := c.methodRef(c.class("java/lang/Long"), "longValue", "()J")
	sleep := c.methodRef(c.class("java/lang/Thread"), "sleep", "(J)V")
	methods := put(
		c.method("<init>", "()V", 1, 1, put(aload0, invokeSpecial, superInit, done)),
		c.method("eval", "(Ljava/lang/Long;Ljava/lang/Long;)Ljava/lang/Long;", 2, 3,
			put(aload2, invokeVirtual, longValue, invokeStatic, sleep, aload1, areturn)),
	)
	return put(uint32(0xcafebabe), uint16(0), version8, c.n+1, c.pool, publicSuper, this, super,
		uint16(0), uint16(0), uint16(2), methods, uint16(0))
}
