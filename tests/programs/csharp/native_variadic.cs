//! unlike-mono: it refuses strings among variadic arguments of native functions
//! flags: -unsafe
// Variadic C functions through P/Invoke.
using System;
using System.Runtime.InteropServices;
unsafe class Program {
    [DllImport("libc", CallingConvention = CallingConvention.Cdecl)]
    static extern int snprintf(byte* to, IntPtr size, string format, __arglist);
    [DllImport("libc", EntryPoint = "snprintf", CallingConvention = CallingConvention.Cdecl)]
    static extern int print(byte[] to, UIntPtr size, [MarshalAs(UnmanagedType.LPStr)] string format, __arglist);
    static string Text(byte* p) { return Marshal.PtrToStringAnsi((IntPtr)p); }
    static void Main() {
        byte* p = stackalloc byte[512];
        var size = (IntPtr)512;
        Console.WriteLine(snprintf(p, size, "plain", __arglist()) + " " + Text(p));
        Console.WriteLine(snprintf(p, size, "%d %s %c", __arglist(42, "text", (int)'x')) + " " + Text(p));
        Console.WriteLine(snprintf(p, size, "%.3f|%g|%ld", __arglist(3.14159, 1e10, 12345678901L)) + " " + Text(p));
        Console.WriteLine(snprintf(p, size, "%d %d %d %d %d %d %d %d", __arglist(1, 2, 3, 4, 5, 6, 7, 8)) + " " + Text(p));
        Console.WriteLine(snprintf(p, size, "%g %g %g %g %g %g %g %g %g %g %d", __arglist(1.5, 2.5, 3.5, 4.5, 5.5, 6.5, 7.5, 8.5, 9.5, 10.5, 11)) + " " + Text(p));
        Console.WriteLine(snprintf(p, size, "%g %g", __arglist(0.25f, (double)0.125f)) + " " + Text(p));
        for (int i = 0; i < 3; i++) Console.WriteLine(snprintf(p, size, "turn %d of %s", __arglist(i, "three")) + " " + Text(p));
        var bytes = new byte[40];
        int n = print(bytes, (UIntPtr)40, "%s-%x", __arglist("hex", 255));
        Console.WriteLine(n + " " + System.Text.Encoding.ASCII.GetString(bytes, 0, n));
    }
}
