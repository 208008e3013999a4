//! native: native_misc.c
// Error numbers, handles, HRESULTs, dates, custom marshalers, variadic functions, function pointers that are null.
using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

class Handle : SafeHandleZeroOrMinusOneIsInvalid {
    Handle() : base(true) { }
    [DllImport("native_misc")] static extern int m_close(IntPtr h);
    protected override bool ReleaseHandle() { return m_close(handle) != 0; }
}

class Marshaler : ICustomMarshaler {
    public static List<string> log = new List<string>();
    readonly string cookie;
    Marshaler(string cookie) { this.cookie = cookie; }
    public static ICustomMarshaler GetInstance(string cookie) { log.Add("make " + cookie); return new Marshaler(cookie); }
    public void CleanUpManagedData(object o) { log.Add("clean managed " + o); }
    public void CleanUpNativeData(IntPtr p) { log.Add("clean native " + Marshal.ReadInt32(p)); Marshal.FreeHGlobal(p); }
    public int GetNativeDataSize() { return -1; }
    public IntPtr MarshalManagedToNative(object o) {
        log.Add("to native " + o);
        IntPtr p = Marshal.AllocHGlobal(4);
        Marshal.WriteInt32(p, int.Parse((string)o));
        return p;
    }
    public object MarshalNativeToManaged(IntPtr p) { log.Add("to managed"); return cookie + Marshal.ReadInt32(p); }
}

static class P {
    const string L = "native_misc";
    [DllImport(L, SetLastError = true)] static extern int m_fail(int error);
    [DllImport(L)] static extern Handle m_open(int n);
    [DllImport(L)] static extern void m_open_out(out Handle h);
    [DllImport(L)] static extern void m_reopen(ref Handle h, int n);
    [DllImport(L)] static extern int m_use(Handle h);
    [DllImport(L, EntryPoint = "m_use")] static extern int m_use_ref(HandleRef h);
    [DllImport(L)] static extern int m_closed();
    [DllImport(L)] static extern double m_date(DateTime d, out DateTime next);
    [DllImport(L)] static extern int m_peek([MarshalAs(UnmanagedType.CustomMarshaler, MarshalTypeRef = typeof(Marshaler), MarshalCookie = "c")] string s);
    [DllImport(L)] static extern void m_poke([MarshalAs(UnmanagedType.CustomMarshaler, MarshalTypeRef = typeof(Marshaler), MarshalCookie = "c")] ref string s);
    [DllImport(L)] [return: MarshalAs(UnmanagedType.CustomMarshaler, MarshalTypeRef = typeof(Marshaler), MarshalCookie = "r")] static extern string m_give(int n);
    [DllImport(L, EntryPoint = "m_use")] static extern int m_object(object o);
    [DllImport(L)] static extern void m_there_is_none();
    [DllImport("native_there_is_none")] static extern void none();
    delegate int Use(IntPtr h);
    [DllImport(L)] static extern IntPtr m_address();

    static void Try(string what, Action action) {
        try {
            action();
            Console.WriteLine(what + ": nothing thrown");
        } catch (Exception e) {
            Console.WriteLine(what + ": " + e.GetType().Name);
        }
    }

    static void Main() {
        Console.WriteLine(m_fail(13) + " " + Marshal.GetLastWin32Error() + " " + m_fail(2) + " " + Marshal.GetLastWin32Error());
        Handle h = m_open(11);
        Console.WriteLine(m_use(h) + " " + h.IsInvalid);
        Handle o;
        m_open_out(out o);
        Console.WriteLine(m_use(o));
        Handle same = o;
        m_reopen(ref o, 66);
        Console.WriteLine(m_use(o) + " " + ReferenceEquals(o, same));
        h.Dispose();
        Try("closed", () => m_use(h));
        Try("null handle", () => m_use(null));
        o.Dispose();
        same.Dispose();
        Console.WriteLine(m_closed());
        Console.WriteLine(m_use_ref(new HandleRef(h, (IntPtr)21)));
        DateTime next;
        Console.WriteLine(m_date(new DateTime(2009, 12, 6), out next) + " " + next.ToString("yyyy-MM-dd HH:mm"));
        Console.WriteLine(m_peek("123") + " " + m_peek(null));
        string s = "5";
        m_poke(ref s);
        Console.WriteLine(s + " " + m_give(9));
        foreach (string line in Marshaler.log) Console.WriteLine("  " + line);
        Try("object", () => m_object(null));
        Try("no function", m_there_is_none);
        Try("no library", none);
        var use = (Use)Marshal.GetDelegateForFunctionPointer(m_address(), typeof(Use));
        Console.WriteLine(use((IntPtr)100));
        Try("pointer of null", () => Marshal.GetFunctionPointerForDelegate((Delegate)null));
        Try("delegate for null", () => Marshal.GetDelegateForFunctionPointer(IntPtr.Zero, typeof(Use)));
        Try("no delegate class", () => Marshal.GetDelegateForFunctionPointer(m_address(), typeof(string)));
    }
}
