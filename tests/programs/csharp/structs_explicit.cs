using System;
using System.Runtime.InteropServices;

[StructLayout(LayoutKind.Explicit)]
struct Union
{
    [FieldOffset(0)] public long Long;
    [FieldOffset(0)] public int Low;
    [FieldOffset(4)] public int High;
    [FieldOffset(0)] public double Double;
    [FieldOffset(0)] public byte B0;
    [FieldOffset(3)] public byte B3;
    [FieldOffset(7)] public byte B7;
    [FieldOffset(2)] public ushort Middle;
}

[StructLayout(LayoutKind.Explicit)]
struct FloatBits
{
    [FieldOffset(0)] public float Float;
    [FieldOffset(0)] public uint Bits;
}

[StructLayout(LayoutKind.Explicit, Size = 64)]
struct Padded
{
    [FieldOffset(8)] public int A;
    [FieldOffset(60)] public int Z;
}

[StructLayout(LayoutKind.Sequential, Pack = 1)]
struct Packed
{
    public byte A;
    public int B;
    public short C;
    public long D;
}

[StructLayout(LayoutKind.Explicit)]
class Overlapping
{
    [FieldOffset(0)] public string Text;
    [FieldOffset(8)] public int Number;
    [FieldOffset(8)] public short Half;
    [FieldOffset(16)] public object Other;
}

[StructLayout(LayoutKind.Explicit)]
struct WithReference
{
    [FieldOffset(8)] public string Text;
    [FieldOffset(0)] public int A;
    [FieldOffset(0)] public uint B;
}

unsafe class StructsExplicit
{
    static Union Swap(Union u)
    {
        int t = u.Low;
        u.Low = u.High;
        u.High = t;
        return u;
    }

    static uint Bits(float f)
    {
        FloatBits b = new FloatBits();
        b.Float = f;
        return b.Bits;
    }

    static void Main()
    {
        Union u = new Union();
        u.Long = 0x0102030405060708;
        Console.WriteLine(u.Low + " " + u.High + " " + u.B0 + " " + u.B3 + " " + u.B7 + " " + u.Middle);
        u.B0 = 255;
        u.High = -1;
        Console.WriteLine(u.Long);
        u.Middle++;
        Console.WriteLine(u.Long);
        Console.WriteLine(Swap(u).Long);
        u.Double = 1.0;
        Console.WriteLine(u.Long + " " + u.High);
        u.B7 |= 0x80;
        Console.WriteLine(u.Double == -1.0);
        foreach (float f in new float[] { 0f, 1f, -2f, 0.1f, 3.4028235e38f, 1e-45f })
            Console.WriteLine(Bits(f));
        FloatBits fb = new FloatBits { Bits = 0x40490fdb };
        Console.WriteLine((int)(fb.Float * 1000000));

        Padded p = new Padded { A = 5, Z = 6 };
        Padded q = p;
        q.A++;
        Console.WriteLine(p.A + p.Z + " " + q.A + q.Z);
        Padded[] array = new Padded[3];
        array[1] = q;
        array[2].Z = 9;
        Console.WriteLine(array[0].Z + " " + array[1].A + " " + array[2].Z);
        Console.WriteLine(sizeof(Union) + " " + sizeof(FloatBits) + " " + sizeof(Padded) + " " + sizeof(Packed));

        Packed packed = new Packed { A = 1, B = -2, C = 3, D = long.MinValue };
        Packed copy = packed;
        copy.B *= 1000;
        Console.WriteLine(packed.A + " " + packed.B + " " + packed.C + " " + packed.D + " " + copy.B);
        Packed[] packeds = { packed, copy };
        packeds[1].D++;
        Console.WriteLine(packeds[0].B + " " + packeds[1].B + " " + packeds[1].D);
        byte* bytes = (byte*)&packed;
        Console.WriteLine(bytes[0] + " " + bytes[1] + " " + bytes[5] + " " + bytes[14]);

        var o = new Overlapping { Text = "text", Number = 0x12345678, Other = "other" };
        Console.WriteLine(o.Text + " " + o.Half + " " + o.Other);
        o.Half = -1;
        Console.WriteLine(o.Number);
        WithReference w = new WithReference { Text = "kept", A = -1 };
        object boxed = w;
        for (int i = 0; i < 1000; i++)
            w.Text = "n" + i;
        Console.WriteLine(w.Text + w.B + ((WithReference)boxed).Text);
    }
}
