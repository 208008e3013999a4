using System;
using System.Runtime.InteropServices;
using System.Text;

// Calls of the C library: text, buffers, arrays, by-reference arguments, error numbers, handles, what is not there.
class PInvokes
{
    [DllImport("libc", SetLastError = true)] static extern int open(string path, int flags);
    [DllImport("libc", SetLastError = true)] static extern int access(string path, int mode);
    [DllImport("libc")] static extern int getpid();
    [DllImport("libc", EntryPoint = "getpid")] static extern int Process();
    [DllImport("libc")] static extern IntPtr strlen(string s);
    [DllImport("libc")] static extern IntPtr strlen([MarshalAs(UnmanagedType.LPArray)] byte[] s);
    [DllImport("libc")] static extern int sprintf(StringBuilder buffer, string format, int number, string text);
    [DllImport("libc", EntryPoint = "snprintf")] static extern int Format(byte[] buffer, IntPtr size, string format, double a, int b, double c);
    [DllImport("libc")] static extern double strtod(string s, IntPtr end);
    [DllImport("libc")] static extern long strtol(string s, out IntPtr end, int radix);
    [DllImport("libc")] static extern IntPtr memset(byte[] b, int c, IntPtr n);
    [DllImport("libc", CharSet = CharSet.Unicode, EntryPoint = "memcpy")] static extern IntPtr CopyUnits(short[] to, string from, IntPtr n);
    [DllImport("libc")] static extern int usleep(int n);
    [DllImport("libc")] static extern int abs(int n);
    [DllImport("libc")] static extern int toupper(int c);
    [DllImport("libc", EntryPoint = "abs")] static extern bool IsNot(int n);
    [DllImport("libc", EntryPoint = "abs")] static extern int Truth(bool b);
    [DllImport("libc")] static extern void memcpy(ref long to, ref long from, IntPtr n);
    [DllImport("libc", EntryPoint = "memcpy")] static extern void CopyPoint(out Point to, ref Point from, IntPtr n);
    [DllImport("libc")] static extern int no_such_function(string s);
    [DllImport("no-such-library")] static extern int nothing();
    [StructLayout(LayoutKind.Sequential)] struct Point { public int X, Y; public double Z; }

    static void Try(Action a) { try { a(); } catch (Exception e) { Console.WriteLine(e.GetType() + ": " + e.Message); } }

    static void Main()
    {
        Console.WriteLine(open("/no/such/file", 0) + " " + Marshal.GetLastWin32Error());
        Console.WriteLine(access("/proc/self/mem/x", 0) + " " + Marshal.GetLastWin32Error());
        abs(-3);
        Console.WriteLine(Marshal.GetLastWin32Error() + " " + access("/", 0) + " " + (getpid() == Process()));
        Console.WriteLine(strlen("héllo €") + " " + strlen("") + " " + strlen(new byte[] { 65, 66, 0, 67 }));
        var builder = new StringBuilder("before", 100);
        Console.WriteLine(sprintf(builder, "%d-%s é", 42, "abc") + " " + builder + " " + builder.Length);
        var bytes = new byte[64];
        int n = Format(bytes, (IntPtr)64, "%.3f %d %.1f", 3.14159, -7, 2.5);
        Console.WriteLine(Encoding.ASCII.GetString(bytes, 0, n));
        IntPtr end;
        Console.WriteLine(strtod("2.5e3x", IntPtr.Zero).ToString(System.Globalization.CultureInfo.InvariantCulture) + " " + strtol("77xyz", out end, 8) + " " + (end != IntPtr.Zero));
        memset(bytes, 7, (IntPtr)4);
        Console.WriteLine(bytes[0] + bytes[3] + " " + bytes[4]);
        var units = new short[4];
        CopyUnits(units, "aé€", (IntPtr)6);
        Console.WriteLine(string.Join(" ", units));
        Console.WriteLine(usleep(100) + " " + (char)toupper('q') + " " + IsNot(0) + IsNot(-2) + " " + Truth(true) + Truth(false));
        long from = 0x123456789abcdef, to = 0;
        memcpy(ref to, ref from, (IntPtr)8);
        Point p = new Point { X = 1, Y = 2, Z = 3.5 }, q;
        CopyPoint(out q, ref p, (IntPtr)16);
        Console.WriteLine((to == from) + " " + q.X + q.Y + (q.Z == 3.5));
        Try(() => no_such_function("x"));
        Try(() => nothing());
        IntPtr text = Marshal.StringToHGlobalAnsi("native");
        Console.WriteLine(Marshal.PtrToStringAnsi(text) + " " + Marshal.PtrToStringAnsi(text, 3) + " " + Marshal.PtrToStringUni(Marshal.StringToHGlobalUni("wide é")));
        Marshal.FreeHGlobal(text);
    }
}
