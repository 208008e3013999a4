using System;

// Stack traces of exceptions that are caught in small methods, which may be inlined: they end with the method that catches.
class Program
{
    static string[] names = { "a", "b" };

    static void Fail(int n)
    {
        if (n >= 0) throw new InvalidOperationException("n is " + n);
    }

    static Exception Caught(int n)
    {
        try { Fail(n); return null; }
        catch (InvalidOperationException e) { return e; }
    }

    static Exception Passed(int n)
    {
        try { return Caught(n); } finally { names[0] = "c"; }
    }

    static void Again(int n)
    {
        try { Fail(n); }
        catch (InvalidOperationException) { throw; }
    }

    static Exception Outer(int n)
    {
        try { Again(n); return null; }
        catch (Exception e) { return e; }
    }

    static void Show(string title, Exception e)
    {
        Console.WriteLine(title);
        foreach (string line in e.StackTrace.Split('\n'))
        {
            int end = line.IndexOf('(');
            if (end > 0) Console.WriteLine("  " + line.Substring(0, end).Trim());
        }
    }

    static void Main()
    {
        Show("caught", Caught(1));
        Show("passed", Passed(2));
        Show("again", Outer(3));
    }
}
