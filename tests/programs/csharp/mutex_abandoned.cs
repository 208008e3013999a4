// A mutex whose owner ended without releasing it: who waits for it next gets it, with an exception that says so, once.
using System;
using System.Threading;

static class Program
{
    static void End(ThreadStart work) { var t = new Thread(work); t.Start(); t.Join(); }

    static string Try(Func<object> wait)
    {
        try { return wait().ToString(); }
        catch (AbandonedMutexException e) { return "abandoned " + e.MutexIndex + " " + (e.Mutex != null); }
        catch (ApplicationException) { return "not the owner"; }
    }

    static void Main()
    {
        var m = new Mutex();
        End(() => { m.WaitOne(); m.WaitOne(); });
        Console.WriteLine(Try(() => m.WaitOne()));
        m.ReleaseMutex();
        Console.WriteLine(Try(() => m.WaitOne(0)));
        m.ReleaseMutex();
        Console.WriteLine(Try(() => { m.ReleaseMutex(); return "released"; }));

        End(() => { m.WaitOne(); m.ReleaseMutex(); });
        Console.WriteLine(Try(() => m.WaitOne(0)));
        m.ReleaseMutex();

        Mutex created = null;
        End(() => { created = new Mutex(true); });
        Console.WriteLine(Try(() => WaitHandle.WaitAny(new WaitHandle[] { new ManualResetEvent(false), created, m }, 5000)));
        created.ReleaseMutex();
        Console.WriteLine(Try(() => WaitHandle.WaitAny(new WaitHandle[] { new ManualResetEvent(false), created, m }, 5000)));
        created.ReleaseMutex();

        End(() => { created.WaitOne(); });
        Console.WriteLine(Try(() => WaitHandle.WaitAll(new WaitHandle[] { new ManualResetEvent(true), created, m }, 5000)));
        created.ReleaseMutex();
        m.ReleaseMutex();

        // Somebody waits already when the owner ends.
        var taken = new ManualResetEvent(false);
        var owner = new Thread(() => { m.WaitOne(); taken.Set(); Thread.Sleep(50); });
        owner.Start();
        taken.WaitOne();
        Console.WriteLine(Try(() => m.WaitOne(20000)));
        m.ReleaseMutex();

        End(() => { using (var local = new Mutex(true)) { } });
        Console.WriteLine(Try(() => m.WaitOne(0)));
    }
}
