using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;

class LateStackTrace
{
    [MethodImpl(MethodImplOptions.NoInlining)] static void Inner(int n) { if (n == 0) throw new InvalidOperationException("deep"); Inner(n - 1); }
    [MethodImpl(MethodImplOptions.NoInlining)] static void Outer() { Inner(2); }
    [MethodImpl(MethodImplOptions.NoInlining)] static void Rethrow() { try { Outer(); } catch (Exception) { throw; } }
    class Nested<T> { [MethodImpl(MethodImplOptions.NoInlining)] public void Method<U>(T t, U[] u, ref int r) { throw new Exception(); } }

    // Offsets and module ids differ from build to build: only the methods are shown.
    static void Show(string trace)
    {
        foreach (string line in trace.Split('\n'))
        {
            int end = line.IndexOf(')');
            Console.WriteLine(end < 0 ? line : line.Substring(0, end + 1));
        }
    }

    static void Main()
    {
        try { Outer(); } catch (Exception e) { Show(e.StackTrace); }
        try { Rethrow(); } catch (Exception e) { Show(e.StackTrace); }
        int r = 0;
        try { new Nested<string>().Method(null, new int[0], ref r); } catch (Exception e) { Show(e.StackTrace); Console.WriteLine(new StackTrace(e).FrameCount); }
        Console.WriteLine(new StackTrace().GetFrame(0).GetMethod().Name);
        try { ((string)null).Trim(); } catch (NullReferenceException e) { Console.WriteLine(e.StackTrace.Contains("Main")); }
        Console.WriteLine(new Exception().StackTrace == null);
    }
}
