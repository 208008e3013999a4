using System;

// AppDomain.UnhandledException sees the exception; then the process ends with the exception's own text on standard error alone.
class UnhandledHandler
{
    class Own : Exception
    {
        public override string ToString() { return "my own text"; }
    }

    static void Main()
    {
        AppDomain.CurrentDomain.UnhandledException += (s, e) => Console.WriteLine("handler " + e.IsTerminating + " " + e.ExceptionObject);
        throw new Own();
    }
}
