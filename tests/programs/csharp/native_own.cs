//! native: native_own.c
//! unlike-mono: crashes on the combined delegate, does not obey PreserveSig = false, and does not marshal arrays with AsAny
// Combined delegates as callbacks, results through HRESULTs, arrays of any kind, a pointer's delegate giving the pointer back, text in callbacks' arrays.
using System;
using System.Runtime.InteropServices;

delegate int Unary(int x);
delegate int Names([In, Out, MarshalAs(UnmanagedType.LPArray, SizeParamIndex = 1)] string[] names, int n);

static class P {
    const string L = "native_own";
    [DllImport(L)] static extern int o_apply(Unary f, int x);
    [DllImport(L, PreserveSig = false)] static extern int o_result(int fail);
    [DllImport(L, PreserveSig = false, EntryPoint = "o_only")] static extern void o_only(int fail);
    [DllImport(L)] static extern int o_sum([MarshalAs(UnmanagedType.AsAny)] object o, int n);
    [DllImport(L)] static extern IntPtr o_address();
    [DllImport(L)] static extern int o_names(Names f);
    [DllImport(L)] static extern void o_replace([In, Out] string[] s, int n);

    static void Main() {
        Unary f = x => { Console.WriteLine("first " + x); return -x; };
        f += x => { Console.WriteLine("second " + x); return x * 10; };
        Console.WriteLine(o_apply(f, 5));
        Console.WriteLine(o_result(0));
        o_only(0);
        try { o_result(1); } catch (ArgumentException e) { Console.WriteLine(e.GetType().Name); }
        try { o_only(1); } catch (Exception e) { Console.WriteLine(e.GetType().Name + " " + Marshal.GetHRForException(e).ToString("x")); }
        Console.WriteLine(o_sum(new[] { 3, 4, 5 }, 3));
        var twice = (Unary)Marshal.GetDelegateForFunctionPointer(o_address(), typeof(Unary));
        Console.WriteLine(twice(21) + " " + (Marshal.GetFunctionPointerForDelegate(twice) == o_address()));
        Console.WriteLine(o_names((names, n) => {
            Console.WriteLine(string.Join(",", names) + " " + n);
            return names.Length;
        }));
        var texts = new[] { "a", "b", "c" };
        o_replace(texts, 3);
        Console.WriteLine(string.Join(" ", texts));
    }
}
