//! unlike-mono: it ends the program at the first one, with exit code 0
// An AppDomainUnloadedException ends the thread that it leaves, and nothing else.
using System;
using System.Threading;

static class Program
{
    static int Main()
    {
        Thread thread = new Thread(() => { throw new AppDomainUnloadedException(); });
        thread.Start();
        thread.Join();
        Console.WriteLine("thread gone");
        for (int i = 0; i < 3; i++)
        {
            ManualResetEvent done = new ManualResetEvent(false);
            ThreadPool.QueueUserWorkItem(_ => { try { throw new AppDomainUnloadedException(); } finally { done.Set(); } });
            done.WaitOne();
        }
        Thread.Sleep(100);
        ManualResetEvent after = new ManualResetEvent(false);
        ThreadPool.QueueUserWorkItem(_ => after.Set());
        Console.WriteLine("pool works: " + after.WaitOne());
        return 3;
    }
}
