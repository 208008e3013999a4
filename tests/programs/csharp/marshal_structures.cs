using System;
using System.Runtime.InteropServices;

// Native forms of structures and layout classes.
class MarshalStructures
{
    enum Kind : short { A, B = 300 }
    struct Plain { public byte A; public int B; public double C; public Kind D; public IntPtr E; }
    [StructLayout(LayoutKind.Sequential, Pack = 1)] struct Packed { public byte A; public int B; public double C; }
    [StructLayout(LayoutKind.Sequential, Pack = 2)] struct Pack2 { public byte A; public int B; public bool C; }
    struct Mixed { public bool A; public char B; public string C; [MarshalAs(UnmanagedType.U1)] public bool D; [MarshalAs(UnmanagedType.LPWStr)] public string E; }
    [StructLayout(LayoutKind.Sequential, CharSet = CharSet.Unicode)] struct Wide { public char A; public string B; [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 4)] public string C; }
    struct Fixed { [MarshalAs(UnmanagedType.ByValTStr, SizeConst = 6)] public string A; [MarshalAs(UnmanagedType.ByValArray, SizeConst = 3)] public int[] B; [MarshalAs(UnmanagedType.ByValArray, SizeConst = 2)] public Pack2[] C; }
    struct Outer { public byte A; public Plain B; public Mixed C; public byte D; }
    [StructLayout(LayoutKind.Explicit, Size = 24)] struct Explicit { [FieldOffset(0)] public int A; [FieldOffset(2)] public short B; [FieldOffset(8)] public double C; }
    [StructLayout(LayoutKind.Sequential)] class Base { public int X = 1; public bool Y = true; }
    [StructLayout(LayoutKind.Sequential)] class Derived : Base { public string Z = "z"; public short W = 7; }
    struct Empty { }
    class NoLayout { public int A; }

    static void Throws(Action a) { try { a(); Console.WriteLine("no exception"); } catch (Exception e) { Console.WriteLine(e.GetType().Name); } }
    static T Round<T>(T value)
    {
        int size = Marshal.SizeOf(typeof(T));
        IntPtr memory = Marshal.AllocHGlobal(size);
        for (int i = 0; i < size; i++) Marshal.WriteByte(memory, i, 0);
        Marshal.StructureToPtr(value, memory, false);
        var back = (T)Marshal.PtrToStructure(memory, typeof(T));
        Marshal.DestroyStructure(memory, typeof(T));
        Marshal.FreeHGlobal(memory);
        return back;
    }

    static void Main()
    {
        foreach (Type t in new[] { typeof(Plain), typeof(Packed), typeof(Pack2), typeof(Mixed), typeof(Wide), typeof(Fixed), typeof(Outer), typeof(Explicit), typeof(Base), typeof(Derived), typeof(Empty), typeof(int), typeof(char), typeof(decimal), typeof(Guid) })
            Console.WriteLine(t.Name + " " + Marshal.SizeOf(t));
        foreach (string f in new[] { "A", "B", "C", "D", "E" }) Console.Write(Marshal.OffsetOf(typeof(Plain), f) + " " + Marshal.OffsetOf(typeof(Mixed), f) + " ");
        Console.WriteLine(Marshal.OffsetOf(typeof(Outer), "D") + " " + Marshal.OffsetOf(typeof(Explicit), "B") + " " + Marshal.OffsetOf(typeof(Fixed), "C") + " " + Marshal.OffsetOf(typeof(Derived), "W"));
        var p = Round(new Plain { A = 1, B = -2, C = 3.5, D = Kind.B, E = (IntPtr)77 }); Console.WriteLine(p.A + " " + p.B + " " + (p.C == 3.5) + " " + p.D + " " + p.E);
        var m = Round(new Mixed { A = true, B = 'q', C = "héllo", D = true, E = "wide €" }); Console.WriteLine(m.A + " " + m.B + " " + (m.C == "héllo") + " " + m.D + " " + (m.E == "wide €"));
        var w = Round(new Wide { A = '€', B = "text", C = "longer" }); Console.WriteLine((w.A == '€') + " " + w.B + " " + w.C);
        var f2 = Round(new Fixed { A = "abcdefgh", B = new[] { 4, 5, 6, 7 }, C = new[] { new Pack2 { A = 1, B = 2, C = true }, new Pack2 { A = 3 } } }); Console.WriteLine(f2.A + " " + string.Join(",", f2.B) + " " + f2.C[0].A + f2.C[0].B + f2.C[0].C + f2.C[1].A);
        var o = Round(new Outer { A = 9, B = new Plain { B = 5 }, C = new Mixed { C = "in" }, D = 8 }); Console.WriteLine(o.A + " " + o.B.B + " " + o.C.C + " " + o.D + " " + (o.C.E == null));
        var e = Round(new Explicit { A = 0x01020304, C = 2 }); Console.WriteLine(e.B + " " + (e.C == 2));
        var d = Round(new Derived { X = 5, Z = "deep" }); Console.WriteLine(d.X + " " + d.Y + " " + d.Z + " " + d.W);
        IntPtr memory = Marshal.AllocHGlobal(64); Marshal.StructureToPtr(new Derived { X = 42 }, memory, false); var into = new Derived(); into.X = 0; Marshal.PtrToStructure(memory, into); Console.WriteLine(into.X + " " + Marshal.ReadInt32(memory) + " " + Marshal.ReadInt32(memory, 4)); Marshal.FreeHGlobal(memory);
        Throws(() => Marshal.SizeOf(typeof(NoLayout))); Throws(() => Marshal.OffsetOf(typeof(Plain), "Z")); Throws(() => Marshal.StructureToPtr(null, (IntPtr)1, false));
    }
}
