using System;
using System.Runtime.CompilerServices;

class LateWeakReferences
{
    class Thing { public int X; public byte[] Load = new byte[100]; }

    static WeakReference[] weak = new WeakReference[200];
    static Thing[] kept = new Thing[200];

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Make()
    {
        for (int i = 0; i < weak.Length; i++)
        {
            var t = new Thing { X = i };
            weak[i] = new WeakReference(t);
            if (i % 4 == 0) kept[i] = t;
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static int Scrub(int n) { int a = n, b = n + 1, c = n + 2, d = n + 3; return n == 0 ? a + b : Scrub(n - 1) + c * d; }

    static void Main()
    {
        Make();
        Scrub(100);
        GC.Collect();
        GC.Collect();
        int alive = 0, lost = 0;
        for (int i = 0; i < weak.Length; i++)
        {
            var t = (Thing)weak[i].Target;
            if (i % 4 == 0)
            {
                if (t == null || t.X != i) lost++;
            }
            else if (t != null) alive++;
        }
        Console.WriteLine("lost " + lost);
        // A conservative scan may keep a few.
        Console.WriteLine("most are gone " + (alive < 20));
        var typed = new WeakReference<string>("literal");
        string s;
        Console.WriteLine(typed.TryGetTarget(out s) + " " + s);
        var table = new ConditionalWeakTable<object, string>();
        table.Add(kept[0], "attached");
        GC.Collect();
        Console.WriteLine(table.TryGetValue(kept[0], out s) + " " + s + " " + table.TryGetValue(kept[4], out s));
        var reference = new WeakReference(kept[8]);
        Console.WriteLine(reference.IsAlive + " " + ReferenceEquals(reference.Target, kept[8]));
        reference.Target = null;
        Console.WriteLine(reference.IsAlive);
    }
}
