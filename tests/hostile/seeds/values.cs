// Numbers, structs, arrays, pointers, switches, strings. The exit code tells what came out.
using System;
using System.Runtime.InteropServices;

[StructLayout(LayoutKind.Explicit)]
struct Overlaid { [FieldOffset(0)] public int Whole; [FieldOffset(0)] public short Low; [FieldOffset(2)] public short High; [FieldOffset(8)] public string Text; }

[StructLayout(LayoutKind.Sequential, Pack = 1)]
struct Packed { public byte A; public long B; public float C; }

struct Vector {
    public double X, Y;
    public Vector(double x, double y) { X = x; Y = y; }
    public static Vector operator +(Vector a, Vector b) { return new Vector(a.X + b.X, a.Y + b.Y); }
    public double Dot(ref Vector o) { return X * o.X + Y * o.Y; }
    public override string ToString() { return "v"; }
}

struct Big { public long A, B, C, D, E, F, G, H; public Vector V; }

unsafe struct Buffer { public fixed int Items[8]; public int Count; }

static class Program {
    static int[] table = { 3, 1, 4, 1, 5, 9, 2, 6 };
    static Vector origin = new Vector(1, 2);

    static int Numbers(int a, uint b, long c, ulong d, float e, double f) {
        int r = 0;
        r += a / 3 + a % 4 + (a << 3) + (a >> 1) + (a ^ 5) + ~a - -a;
        r += (int)(b / 3 + b % 5 + (b >> 2));
        r += (int)(c * 7 / 3 + c % 11) + (int)(d / 5 >> 1);
        r += (int)(e * 2.5f) + (int)(f / 1.5) + (int)(long)(e + f);
        r += (sbyte)a + (byte)c + (short)d + (ushort)a + (char)b;
        r += a > 3 && b < 100 || c >= 10 ? 1 : 0;
        r += e < f ? 2 : 0;
        r += f != f ? 4 : 8;
        return r;
    }

    static int Checked(int a, uint b, long c) {
        checked {
            try { a = a * 100000; } catch (OverflowException) { a = 7; }
            try { b -= 1000; } catch (OverflowException) { b = 8; }
            try { return (byte)c + (int)b + a; } catch (OverflowException) { return a + (int)b; }
        }
    }

    static int Switches(int n, string s) {
        int r = 0;
        switch (n) { case 0: r = 5; break; case 1: case 2: r = 6; break; case 3: goto case 0; case 7: r = 8; break; default: r = 1; break; }
        switch (s) { case "a": return r; case "bb": return r + 1; case "ccc": return r + 2; }
        return r + 3;
    }

    static Big Fill(Big b, int n) { b.A += n; b.H = b.A * 2; b.V = b.V + origin; return b; }

    static unsafe int Pointers(int n) {
        int* p = stackalloc int[8];
        for (int i = 0; i < 8; i++) p[i] = i * n;
        int sum = 0;
        fixed (int* t = table) { for (int* q = t; q < t + 8; q++) sum += *q; }
        Buffer buffer = new Buffer();
        buffer.Items[3] = 4; buffer.Count = 1;
        byte* bytes = (byte*)&buffer;
        sum += bytes[12] + p[3] + sizeof(Packed);
        fixed (char* c = "xyz") sum += c[1];
        return sum;
    }

    static int Arrays() {
        int[,] grid = new int[3, 4];
        for (int i = 0; i < 3; i++) for (int j = 0; j < 4; j++) grid[i, j] = i * j;
        int[][] jagged = { new int[2], new int[] { 1, 2, 3 } };
        long sum = grid[2, 3] + jagged[1][2] + grid.Length;
        Vector[] vectors = new Vector[3];
        vectors[1].X = 4; vectors[2] = vectors[1] + origin;
        sum += (long)vectors[2].Dot(ref vectors[1]);
        object[] objects = new string[1];
        try { objects[0] = new object(); } catch (ArrayTypeMismatchException) { sum += 3; }
        try { sum += table[table.Length]; } catch (IndexOutOfRangeException) { sum += 5; }
        byte[] bytes = { 1, 2, 3 }; ushort[] shorts = { 7 }; double[] doubles = { 1.5, 2.5 }; bool[] flags = { true };
        ref int first = ref table[0];
        first++;
        return (int)sum + bytes[2] + shorts[0] + (int)doubles[1] + (flags[0] ? 1 : 0) + table[0];
    }

    static int Main() {
        int r = Numbers(17, 19, 23, 29, 3.5f, 7.25) + Checked(50000, 10, 300) + Checked(1, 2000, 200);
        for (int i = 0; i < 9; i++) r += Switches(i, i % 2 == 0 ? "bb" : "ccc");
        Big big = Fill(Fill(new Big(), 3), 4);
        r += (int)big.H + (int)big.V.X + Pointers(3) + Arrays();
        Overlaid o = new Overlaid(); o.Whole = 0x10002; o.Text = "t";
        r += o.Low + o.High + o.Text.Length;
        object boxed = new Vector(1, 2);
        r += boxed.ToString().Length + boxed.Equals(boxed).CompareTo(false) + ((Vector)boxed).X.CompareTo(0.5);
        string s = "";
        for (int i = 0; i < 5; i++) s += (char)('a' + i);
        foreach (char c in s) r += c;
        return r & 63;
    }
}
