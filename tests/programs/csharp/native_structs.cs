//! native: native_structs.c
// Structures to and from C: by value in every class of registers, on the stack, returned, by reference, in arrays, with text, truth values and fixed arrays.
using System;
using System.Runtime.InteropServices;

struct One { public sbyte a; }
struct Three { public int x, y, z; public override string ToString() { return x + "," + y + "," + z; } }
struct Floats { public float x, y, z; }
struct Mixed { public double x; public int n; }
struct Big { public long a; public double b; public long c; }
struct Pair { public double x, y; public Pair(double a, double b) { x = a; y = b; } }
struct Box { public Pair low, high; }
[StructLayout(LayoutKind.Explicit)]
struct Tagged {
    [FieldOffset(0)] public int tag;
    [FieldOffset(8)] public int i;
    [FieldOffset(8)] public float f;
    [FieldOffset(8)] public long l;
    [FieldOffset(8)] public double d;
}
struct Truths {
    public bool yes;
    [MarshalAs(UnmanagedType.U1)] public bool byteYes;
    [MarshalAs(UnmanagedType.VariantBool)] public bool variant;
    public char letter;
    [MarshalAs(UnmanagedType.U2)] public char wide;
    public override string ToString() { return yes + " " + byteYes + " " + variant + " " + letter + " " + (int)wide; }
}
[StructLayout(LayoutKind.Sequential, CharSet = CharSet.Ansi)]
struct Person {
    public string name;
    public int age;
    [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 8)] public string code;
    [MarshalAs(UnmanagedType.ByValArray, SizeConst = 3)] public int[] marks;
    public override string ToString() {
        return (name ?? "null") + " " + age + " " + (code ?? "null") + " " + (marks == null ? "null" : string.Join("/", marks));
    }
}
[StructLayout(LayoutKind.Sequential)]
class PersonClass {
    public string name;
    public int age;
    [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 8)] public string code;
    [MarshalAs(UnmanagedType.ByValArray, SizeConst = 3)] public int[] marks;
}
unsafe struct Block { public fixed byte data[40]; }
struct Generic<T> { public T x, y, z; }

static class P {
    const string L = "native_structs";
    [DllImport(L)] static extern int s_one(One s);
    [DllImport(L)] static extern One s_one_back(int n);
    [DllImport(L)] static extern int s_three(Three s);
    [DllImport(L, EntryPoint = "s_three")] static extern int s_three_generic(Generic<int> s);
    [DllImport(L)] static extern Three s_three_back(Three s);
    [DllImport(L)] static extern float s_floats(Floats s);
    [DllImport(L)] static extern Floats s_floats_back(Floats s);
    [DllImport(L)] static extern Mixed s_mixed(int k, Mixed s, double f);
    [DllImport(L)] static extern Big s_big(Big s, int k);
    [DllImport(L)] static extern double s_many(Pair a, Pair b, Pair c, double d, Pair e, int f);
    [DllImport(L)] static extern long s_crowd(long a, long b, long c, long d, long e, Three s, int g, sbyte h);
    [DllImport(L)] static extern Box s_box(Box b);
    [DllImport(L)] static extern Tagged s_tagged(Tagged t);
    [DllImport(L)] static extern int s_truths(Truths t);
    [DllImport(L)] static extern void s_flip(ref Truths t);
    [DllImport(L)] static extern Truths s_truths_back();
    [DllImport(L)] static extern int s_person(Person p);
    [DllImport(L)] static extern void s_birthday(ref Person p);
    [DllImport(L, EntryPoint = "s_birthday")] static extern void s_birthday_class([In, Out] PersonClass p);
    [DllImport(L)] static extern void s_born(out Person p);
    [DllImport(L)] static extern PersonClass s_find(int age);
    [DllImport(L)] static extern int s_sum(Three[] a, int n);
    [DllImport(L)] static extern void s_scale(Three[] a, int n, int k);
    [DllImport(L)] static extern int s_people(Person[] a, int n);
    [DllImport(L)] static extern void s_older([In, Out] Person[] a, int n);
    [DllImport(L)] static extern int s_pointer([In, MarshalAs(UnmanagedType.LPStruct)] Pair p);
    [DllImport(L)] static extern Block s_block(Block b, byte k);
    [DllImport(L)] static extern sbyte s_narrow(sbyte a, byte b, short c, ushort d);
    [DllImport(L)] static extern ushort s_narrow_back(int n);

    static Person Somebody(string name, int age) {
        return new Person { name = name, age = age, code = "c" + age, marks = new[] { 1, 2, age } };
    }

    static unsafe void Main() {
        Console.WriteLine(s_one(new One { a = -21 }) + " " + s_one_back(200).a);
        var three = new Three { x = 1, y = 2, z = 3 };
        Console.WriteLine(s_three(three) + " " + s_three_back(three) + " " + s_three_generic(new Generic<int> { x = 4, y = 5, z = 6 }));
        var floats = new Floats { x = 1.5f, y = -2, z = 0.25f };
        var back = s_floats_back(floats);
        Console.WriteLine(s_floats(floats) + " " + back.x + " " + back.y + " " + back.z);
        var mixed = s_mixed(7, new Mixed { x = 1.25, n = -1 }, 4);
        Console.WriteLine(mixed.x + " " + mixed.n);
        var big = s_big(new Big { a = 1L << 40, b = 2.5, c = -3 }, 10);
        Console.WriteLine(big.a + " " + big.b + " " + big.c);
        Console.WriteLine(s_many(new Pair(1, 2), new Pair(3, 4), new Pair(5, 6), 7, new Pair(8, 9), 10));
        Console.WriteLine(s_crowd(1, 2, 3, 4, 5, three, 9, -10));
        var box = s_box(new Box { low = new Pair(1, 2), high = new Pair(3, 4) });
        Console.WriteLine(box.low.x + " " + box.low.y + " " + box.high.x + " " + box.high.y);
        var tagged = s_tagged(new Tagged { tag = 1, d = 1.75 });
        Console.WriteLine(tagged.tag + " " + tagged.d + " " + s_tagged(new Tagged { tag = 5, l = 0x0123456789abcdef }).l.ToString("x"));
        var truths = new Truths { yes = true, byteYes = true, variant = true, letter = 'q', wide = '\u20ac' };
        Console.WriteLine(s_truths(truths) + " " + s_truths(new Truths()));
        s_flip(ref truths);
        Console.WriteLine(truths + " | " + s_truths_back());
        var person = Somebody("some name", 30);
        Console.WriteLine(s_person(person));
        s_birthday(ref person);
        Console.WriteLine(person);
        var c = new PersonClass { name = "class", age = 1, code = "long code that is cut", marks = new[] { 1, 2, 3 } };
        s_birthday_class(c);
        Console.WriteLine(c.name + " " + c.age + " " + c.code + " " + string.Join("/", c.marks));
        s_born(out person);
        Console.WriteLine(person);
        var found = s_find(77);
        Console.WriteLine(found.name + " " + found.age + " " + found.code.Length + " " + (s_find(-1) == null));
        var threes = new[] { three, new Three { x = 4, y = 5, z = 6 } };
        s_scale(threes, 2, 3);
        Console.WriteLine(s_sum(threes, 2) + " " + threes[0] + " " + threes[1]);
        var people = new[] { Somebody("a", 1), Somebody("bb", 2) };
        Console.WriteLine(s_people(people, 2));
        s_older(people, 2);
        Console.WriteLine(people[0] + " | " + people[1]);
        Console.WriteLine(s_pointer(new Pair(6, 7)));
        var block = new Block();
        for (int i = 0; i < 40; i++) block.data[i] = (byte)(i * 7);
        block = s_block(block, 200);
        int sum = 0;
        for (int i = 0; i < 40; i++) sum = sum * 31 + block.data[i];
        Console.WriteLine(sum);
        Console.WriteLine(s_narrow(-100, 200, -300, 60000) + " " + s_narrow_back(0x12345));
        Console.WriteLine(Marshal.SizeOf(typeof(Person)) + " " + Marshal.SizeOf(typeof(Truths)) + " " + Marshal.OffsetOf(typeof(Truths), "wide"));
    }
}
