// Main returns while another thread ends the program: what that one runs is not cut short.
using System;
using System.Threading;

static class ExitTwice
{
    static readonly ManualResetEvent begun = new ManualResetEvent(false);

    static int Main()
    {
        AppDomain.CurrentDomain.ProcessExit += (s, e) =>
        {
            Console.WriteLine("the handler begins");
            begun.Set();
            Thread.Sleep(100);
            Console.WriteLine("the handler ends");
        };
        new Thread(() => Environment.Exit(7)) { IsBackground = true }.Start();
        begun.WaitOne();
        return 7;
    }
}
