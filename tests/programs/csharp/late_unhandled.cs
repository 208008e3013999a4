using System;

class LateUnhandled
{
    static void Fail() { throw new InvalidOperationException("nobody catches this"); }

    static void Main()
    {
        AppDomain.CurrentDomain.UnhandledException += (sender, e) => Console.WriteLine("unhandled: " + ((Exception)e.ExceptionObject).Message);
        Console.WriteLine("before");
        try { Fail(); }
        finally { Console.Out.Flush(); }
    }
}
