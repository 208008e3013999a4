//! native: native_text.c
// Text and arrays to and from C: encodings, buffers, by reference, arrays of text, of characters, of truth values, sizes by parameters.
using System;
using System.Runtime.InteropServices;
using System.Text;

struct TwoInts { public int a, b; }

static class P {
    const string L = "native_text";
    [DllImport(L)] static extern int t_hash(string s);
    [DllImport(L, EntryPoint = "t_hash")] static extern int t_hash8([MarshalAs(UnmanagedType.LPStr)] string s);
    [DllImport(L, CharSet = CharSet.Unicode)] static extern int t_hash_wide(string s);
    [DllImport(L, EntryPoint = "t_hash_wide")] static extern int t_hash_wide2([MarshalAs(UnmanagedType.LPWStr)] string s);
    [DllImport(L)] static extern int t_bstr([MarshalAs(UnmanagedType.BStr)] string s);
    [DllImport(L)] static extern string t_back(int n);
    [DllImport(L)] [return: MarshalAs(UnmanagedType.LPWStr)] static extern string t_back_wide();
    [DllImport(L)] static extern void t_out(out string s);
    [DllImport(L)] static extern void t_ref(ref string s);
    [DllImport(L)] static extern void t_upper(StringBuilder s);
    [DllImport(L, EntryPoint = "t_upper")] static extern void t_upper_in([In] StringBuilder s);
    [DllImport(L, CharSet = CharSet.Unicode)] static extern void t_upper_wide(StringBuilder s);
    [DllImport(L)] static extern int t_fill(StringBuilder s, int size);
    [DllImport(L)] static extern int t_join(string[] s, int n);
    [DllImport(L, CharSet = CharSet.Unicode)] static extern int t_join_wide(string[] s, int n);
    [DllImport(L)] static extern int t_letters(char[] s, int n);
    [DllImport(L, CharSet = CharSet.Unicode)] static extern void t_letters_wide(char[] s, int n);
    [DllImport(L)] static extern int t_truths(bool[] a, int n);
    [DllImport(L)] static extern int t_bytes(byte[] a, int n);
    [DllImport(L)] static extern void t_reverse(double[] a, int n);
    [DllImport(L)] static extern void t_make([MarshalAs(UnmanagedType.LPArray, SizeParamIndex = 1)] out int[] a, out int n);
    [DllImport(L)] static extern int t_null(string a, int[] b, StringBuilder c);
    [DllImport(L)] static extern char t_char(char c, [MarshalAs(UnmanagedType.U2)] char w);
    [DllImport(L)] static extern int t_any([MarshalAs(UnmanagedType.AsAny)] object o, int what);

    static void Main() {
        Console.WriteLine(t_hash("h\u00e9llo \u20ac") + " " + t_hash8("h\u00e9llo \u20ac") + " " + t_hash("") + " " + t_hash(null));
        Console.WriteLine(t_hash_wide("h\u00e9llo \u20ac") + " " + t_hash_wide2("\ud83d\ude00") + " " + t_hash_wide(null));
        Console.WriteLine(t_bstr("hello") + " " + t_bstr(""));
        Console.WriteLine(t_back(1).Length + " " + (int)t_back(1)[0] + " " + t_back(0).Length + " " + (t_back(-1) == null));
        foreach (char c in t_back_wide()) Console.Write((int)c + " ");
        Console.WriteLine();
        string s;
        t_out(out s);
        Console.Write(s + " ");
        s = "twice";
        t_ref(ref s);
        Console.WriteLine(s);
        var b = new StringBuilder("some text", 100);
        t_upper(b);
        Console.Write(b + " ");
        b = new StringBuilder("only in");
        t_upper_in(b);
        Console.Write(b + " ");
        b = new StringBuilder("wide text");
        t_upper_wide(b);
        Console.Write(b + " ");
        b = new StringBuilder(64);
        Console.WriteLine(t_fill(b, b.Capacity) + " " + b + " " + b.Length);
        Console.WriteLine(t_join(new[] { "a", "bc", null, "" }, 4) + " " + t_join(new string[0], 0));
        Console.WriteLine(t_join_wide(new[] { "\u03b1", "bc" }, 2));
        Console.WriteLine(t_letters("abc".ToCharArray(), 3));
        var letters = "hal".ToCharArray();
        t_letters_wide(letters, 3);
        Console.WriteLine(new string(letters));
        Console.WriteLine(t_truths(new[] { true, false, true, true }, 4) + " " + t_bytes(new byte[] { 1, 2, 250 }, 3));
        var doubles = new[] { 1.5, 2.5, 3.5 };
        t_reverse(doubles, 3);
        Console.WriteLine(doubles[0] + " " + doubles[2]);
        int[] made;
        int n;
        t_make(out made, out n);
        Console.WriteLine(n + ": " + string.Join(" ", made));
        Console.WriteLine(t_null(null, null, null) + " " + t_null("", new int[0], new StringBuilder()));
        Console.WriteLine(t_char('a', '\u20ac'));
        Console.WriteLine(t_any(77, 0) + " " + t_any("any", 1) + " " + t_any(new TwoInts { a = 5, b = 6 }, 2));
        try {
            t_any(new object(), 3);
        } catch (ArgumentException e) {
            Console.WriteLine(e.GetType().Name);
        }
    }
}
