//! native: native_thunks.c
// Methods as C functions by the embedding interface: objects as they are, boxes of values, references to both, exceptions.
using System;
using System.Reflection;
using System.Runtime.InteropServices;

enum Kind : byte { None, One, Two, Three, Four }

unsafe struct Value
{
    public int A;
    public double B;
    public fixed long C[4];

    public long Own(short n)
    {
        long result = A * n;
        A++;
        return result + (n - n);
    }
}

class Thing
{
    readonly string name;
    public Thing(string name) { this.name = name; }
    public string Text(string a, double d, sbyte b)
    {
        byte[] garbage = new byte[100];
        return name + " " + a + " " + (int)(d * 100) + " " + (b + garbage[99]);
    }
}

static class Methods
{
    public static string Join(string a, string b, int n)
    {
        string result = a;
        for (int i = 0; i < n; i++) result += b;
        return result;
    }
    public static Thing Make() { return new Thing("made"); }

    public static unsafe Value MakeValue(int n)
    {
        Value v = new Value { A = n, B = n / 2.0 };
        for (int i = 0; i < 4; i++) v.C[i] = n + 5 * i;
        return v;
    }
    public static double Sum(Value v, Value w)
    {
        v.A = 1000;
        return v.B + w.B;
    }
    public static unsafe void Change(ref Value v)
    {
        v.A = -v.A;
        fixed (long* c = v.C) c[0] = 77;
    }
    public static Kind Next(Kind kind) { return kind + 1; }

    public static void Swap(ref string text, ref int n)
    {
        text += " and after";
        n *= 2;
    }
    public static T Second<T>(ref T a, ref T b) where T : class
    {
        if (b == null) throw new ArgumentNullException("b");
        return b;
    }
}

static class Program
{
    [DllImport("native_thunks")] static extern bool native_thunks_find();
    [DllImport("native_thunks")] static extern int native_thunks_text(IntPtr join, IntPtr instance, IntPtr make, int turns);
    [DllImport("native_thunks")] static extern int native_thunks_values(IntPtr make, IntPtr sum, IntPtr change, IntPtr own, IntPtr enumeration);
    [DllImport("native_thunks")] static extern int native_thunks_references(IntPtr swap, IntPtr both);

    static IntPtr M(string name) { return typeof(Methods).GetMethod(name).MethodHandle.Value; }

    static void Main()
    {
        Console.WriteLine(native_thunks_find());
        IntPtr text = typeof(Thing).GetMethod("Text").MethodHandle.Value;
        for (int i = 0; i < 3; i++) Console.WriteLine(native_thunks_text(M("Join"), text, M("Make"), 200));
        Console.WriteLine(native_thunks_values(M("MakeValue"), M("Sum"), M("Change"), typeof(Value).GetMethod("Own").MethodHandle.Value, M("Next")));
        MethodInfo second = typeof(Methods).GetMethod("Second").MakeGenericMethod(typeof(string));
        Console.WriteLine(native_thunks_references(M("Swap"), second.MethodHandle.Value));
    }
}
