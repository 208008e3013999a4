using System;
using System.Runtime.CompilerServices;

class LateFinalizers
{
    static int finalized, disposed, resurrected;
    static Phoenix saved;

    class Thing { public int X; ~Thing() { finalized++; } }
    class Resource : IDisposable
    {
        public void Dispose() { disposed++; GC.SuppressFinalize(this); }
        ~Resource() { finalized += 1000000; }
    }
    class Phoenix { public int Lives; ~Phoenix() { Lives++; resurrected++; saved = this; } }
    class Base { ~Base() { finalized += 100000; } }

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Make()
    {
        for (int i = 0; i < 500; i++) new Thing { X = i };
        for (int i = 0; i < 50; i++) using (new Resource()) { }
        for (int i = 0; i < 20; i++) new Phoenix();
    }

    static int Scrub(int n) { int a = n, b = n + 1, c = n + 2, d = n + 3; return n == 0 ? a + b : Scrub(n - 1) + c * d; }

    static void Main()
    {
        Make();
        Scrub(100);
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Console.WriteLine("most were finalized " + (finalized > 300 && finalized <= 500));
        Console.WriteLine("disposed " + disposed);
        Console.WriteLine("resurrected " + (resurrected > 0) + " " + (saved != null && saved.Lives == 1));
        GC.KeepAlive(saved);
    }
}
