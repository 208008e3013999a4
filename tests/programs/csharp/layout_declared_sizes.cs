// Declared sizes and packing of value types; explicit classes lie over their explicit base.
using System;
using System.Runtime.InteropServices;

[StructLayout(LayoutKind.Explicit)] struct Default { [FieldOffset(0)] public int A; [FieldOffset(8)] public byte B; [FieldOffset(9)] public int C; [FieldOffset(13)] public int D; }
[StructLayout(LayoutKind.Explicit, Pack = 2)] struct Packed { [FieldOffset(0)] public int A; [FieldOffset(8)] public byte B; [FieldOffset(9)] public int C; [FieldOffset(13)] public int D; }
[StructLayout(LayoutKind.Explicit, Size = 12)] struct Twelve { [FieldOffset(0)] public long A; [FieldOffset(8)] public int B; }
[StructLayout(LayoutKind.Sequential, Size = 20)] struct Twenty { public int A; }
[StructLayout(LayoutKind.Sequential, Size = 1)] struct TooSmall { public int A; public byte B; }
struct Holds { public byte First; public Twelve Second; public byte Third; }
[StructLayout(LayoutKind.Explicit)] class Base { [FieldOffset(0)] public int A; [FieldOffset(0)] public byte B0; [FieldOffset(1)] public byte B1; }
[StructLayout(LayoutKind.Explicit)] class Derived : Base { [FieldOffset(0)] public int Over; [FieldOffset(8)] public int Behind; }

unsafe class Program
{
    static void Main()
    {
        Console.WriteLine(sizeof(Default) + " " + sizeof(Packed) + " " + sizeof(Twelve) + " " + sizeof(Twenty) + " " + sizeof(TooSmall));
        var list = new Twelve[5];
        for (int i = 0; i < list.Length; i++) { list[i].A = i * 1000000007L; list[i].B = -i; }
        long sum = 0;
        foreach (var t in list) sum += t.A * 3 + t.B;
        Console.WriteLine(sum);
        var h = new Holds { First = 1, Second = list[3], Third = 3 };
        var copy = h;
        h.Second.A = 0;
        Console.WriteLine(copy.First + " " + copy.Second.A + " " + copy.Second.B + " " + copy.Third);
        var d = new Derived();
        d.Over = 0x0102;
        d.Behind = 9;
        Console.WriteLine(d.A + " " + d.B0 + " " + d.B1 + " " + d.Behind);
    }
}
