//! native: native_callbacks.c
// Delegates as C function pointers and back: values of every class, text, arrays, structures, exceptions through C, threads of C, many at once.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

struct Pair { public double x, y; }
struct Big { public long a, b, c; }
struct Small { public float x; public int n; }
delegate int Unary(int x);
delegate int Compare(ref int a, ref int b);
delegate Pair OfPair(Pair p, double k);
delegate Big OfBig(Big b, sbyte k);
delegate Small OfSmall(Small s);
delegate long OfMany(sbyte a, long b, float c, double d, short e, int f, byte g, long h, Pair i, int j);
delegate string OfText(string a, [MarshalAs(UnmanagedType.LPWStr)] string b);
delegate int OfArray([MarshalAs(UnmanagedType.LPArray, SizeParamIndex = 1)] int[] a, int n);
delegate void Fill([In, Out, MarshalAs(UnmanagedType.LPArray, SizeParamIndex = 1)] int[] a, int n);
[return: MarshalAs(UnmanagedType.U1)] delegate bool OfRefs(ref int i, ref double d, ref Pair p);
delegate int Nested(Unary f, int x);
delegate void Each(int i);
struct Table { public int version; public Unary up, down; }

class Counter {
    public int step;
    public int Up(int x) { return x + step; }
}

static class P {
    const string L = "native_callbacks";
    [DllImport(L)] static extern int c_apply(Unary f, int x);
    [DllImport(L)] static extern Unary c_choose(int which, Unary other);
    [DllImport(L)] static extern void c_keep(Unary f);
    [DllImport(L)] static extern int c_call_kept(int x);
    [DllImport(L)] static extern void c_sort(int[] a, int n, Compare f);
    [DllImport(L)] static extern double c_pair(OfPair f, double k);
    [DllImport(L)] static extern long c_big(OfBig f);
    [DllImport(L)] static extern double c_small(OfSmall f);
    [DllImport(L)] static extern long c_many(OfMany f);
    [DllImport(L)] static extern int c_text(OfText f);
    [DllImport(L)] static extern int c_array(OfArray f);
    [DllImport(L)] static extern int c_fill(Fill f);
    [DllImport(L)] static extern int c_refs(OfRefs f);
    [DllImport(L)] static extern int c_table(Table t, int x);
    [DllImport(L)] static extern void c_table_swap(ref Table t);
    [DllImport(L)] static extern int c_nested(Nested f, Unary g);
    [DllImport(L)] static extern void c_for_each(int n, Each f);
    [DllImport(L)] static extern int c_threads(Unary f, int threads, int n);
    [DllImport(L, EntryPoint = "c_apply")] static extern int c_apply_pointer(IntPtr f, int x);

    static int Negate(int x) { return -x; }
    static int WithText(string s, int x) { return s.Length * 100 + x; }

    static void Values() {
        Console.WriteLine(c_apply(Negate, 5) + " " + c_apply(new Counter { step = 10 }.Up, 5));
        var closed = (Unary)Delegate.CreateDelegate(typeof(Unary), "four", typeof(P).GetMethod("WithText", System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static));
        Console.WriteLine(c_apply(closed, 5));
        var numbers = new[] { 5, -3, 9, 0, 7, 7, -8 };
        c_sort(numbers, numbers.Length, delegate(ref int a, ref int b) { return b.CompareTo(a); });
        Console.WriteLine(string.Join(" ", numbers));
        Console.WriteLine(c_pair((p, k) => new Pair { x = p.y * k, y = p.x }, 4));
        Console.WriteLine(c_big((b, k) => new Big { a = b.c, b = b.b * 10 + k, c = b.a }));
        Console.WriteLine(c_small(s => new Small { x = s.x * 2, n = s.n + 1 }));
        Console.WriteLine(c_many((a, b, c, d, e, f, g, h, i, j) => {
            Console.WriteLine(a + " " + b + " " + c + " " + d + " " + e + " " + f + " " + g + " " + h + " " + i.x + " " + i.y + " " + j);
            return a + b + e + f + g + h + j;
        }));
        Console.WriteLine(c_text((a, b) => { Console.WriteLine(a.Length + " " + b.Length + " " + (int)b[1]); return a + b; }));
        Console.WriteLine(c_array((a, n) => { int r = 0; foreach (int i in a) r = r * 10 + i; return r + a.Length - n; }));
        Console.WriteLine(c_fill((a, n) => { for (int i = 0; i < n; i++) a[i] = i + 2; }));
        Console.WriteLine(c_refs((ref int i, ref double d, ref Pair p) => { i += 4; d *= 2; p.x = p.y + i; p.y = 1; return true; }));
    }

    static void Pointers() {
        Unary f = new Counter { step = -7 }.Up;
        IntPtr pointer = Marshal.GetFunctionPointerForDelegate(f);
        Console.WriteLine(pointer == Marshal.GetFunctionPointerForDelegate(f));
        Console.WriteLine(ReferenceEquals(f, Marshal.GetDelegateForFunctionPointer(pointer, typeof(Unary))));
        Console.WriteLine(c_apply_pointer(pointer, 9));
        Unary twice = c_choose(0, f);
        Console.WriteLine(twice(21) + " " + c_apply(twice, 4) + " " + ReferenceEquals(f, c_choose(1, f)) + " " + (c_choose(2, f) == null));
        var copy = (Unary)f.Clone();
        Console.WriteLine(c_apply(copy, 3));
        var table = new Table { version = 1, up = new Counter { step = 1 }.Up, down = new Counter { step = -1 }.Up };
        Console.WriteLine(c_table(table, 10));
        Unary up = table.up;
        c_table_swap(ref table);
        Console.WriteLine(c_table(table, 10) + " " + ReferenceEquals(up, table.down) + " " + table.version);
        Console.WriteLine(c_nested((g, x) => g(x) + c_apply(g, x + 1), Negate));
        c_keep(f);
        Console.WriteLine(c_call_kept(8));
        GC.KeepAlive(f);
    }

    static int Through(int depth) {
        int result = 0;
        try {
            c_for_each(3, i => {
                result += 10;
                if (i < 1) return;
                if (depth == 0) throw new InvalidOperationException("at the bottom, " + i);
                result += Through(depth - 1);
            });
        } finally {
            result += 1;
            Console.WriteLine("finally " + depth + " " + result);
        }
        return result;
    }

    static void Exceptions() {
        for (int i = 0; i < 3; i++) {
            try {
                Through(i);
            } catch (InvalidOperationException e) {
                Console.WriteLine(i + ": " + e.Message);
            }
        }
        try {
            c_apply(x => { int[] none = null; return none[x]; }, 1);
        } catch (NullReferenceException) {
            Console.WriteLine("null reference");
        }
        // And everything still works.
        Console.WriteLine(c_apply(Negate, 1));
    }

    static int Work(int i) {
        var list = new List<string>();
        for (int k = 0; k < 20; k++) list.Add("item " + (i + k));
        if (i % 50 == 0) GC.Collect();
        lock (typeof(P)) { total += list.Count; }
        return list[3].Length > 0 && Thread.CurrentThread.IsBackground ? i : -1000000;
    }
    static int total;

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Round(int i) {
        var counter = new Counter { step = i };
        return c_apply(counter.Up, 1);
    }

    static void Main() {
        Values();
        Pointers();
        Exceptions();
        Console.WriteLine(c_threads(Work, 4, 200) + " " + total);
        Console.WriteLine(c_threads(x => x, 16, 10));
        long sum = 0;
        for (int i = 0; i < 3000; i++) sum += Round(i);
        Console.WriteLine(sum);
    }
}
