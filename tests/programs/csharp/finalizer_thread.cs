// Finalizers run on a thread of their own, critical ones last; ProcessExit comes before the end.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.ConstrainedExecution;
using System.Threading;

class Plain
{
    public static int count;
    public static string seen;
    ~Plain()
    {
        count++;
        var me = Thread.CurrentThread;
        seen = me.Name + " pool " + me.IsThreadPoolThread + " main " + (me == Program.main);
    }
}

class Critical : CriticalFinalizerObject
{
    public static int count, first = -1;
    ~Critical() { count++; if (first < 0) first = Plain.count; }
}

class Again
{
    public static int runs;
    public static Again back;
    ~Again() { runs++; if (runs == 1) { back = this; GC.ReRegisterForFinalize(this); } }
}

class Quiet { public static int runs; ~Quiet() { runs++; } }

class Locks
{
    public static readonly object gate = new object();
    public static bool passed;
    ~Locks() { lock (gate) passed = true; }
}

class Program
{
    public static Thread main;

    [MethodImpl(MethodImplOptions.NoInlining)]
    static void Make(int depth)
    {
        if (depth > 0) { Make(depth - 1); return; }
        for (int i = 0; i < 50; i++) { new Plain(); new Critical(); }
        new Again();
        for (int i = 0; i < 5; i++) GC.SuppressFinalize(new Quiet());
        new Locks();
    }

    static void Collect() { GC.Collect(); GC.WaitForPendingFinalizers(); }

    static int Main()
    {
        main = Thread.CurrentThread;
        AppDomain.CurrentDomain.ProcessExit += (s, e) => Console.WriteLine("ProcessExit, shut down " + Environment.HasShutdownStarted);
        var t = new Thread(() => Make(200));
        t.Start();
        t.Join();
        lock (Locks.gate)
        {
            GC.Collect();
            Thread.Sleep(20);
            Console.WriteLine("while locked: " + Locks.passed);
        }
        Collect();
        Console.WriteLine(Plain.count + " " + Critical.count + " " + (Critical.first >= Plain.count) + " " + Plain.seen);
        Console.WriteLine("passed " + Locks.passed + ", suppressed " + Quiet.runs);
        Console.WriteLine(Again.runs + " " + (Again.back != null));
        Environment.ExitCode = 5;
        return 3;
    }
}
