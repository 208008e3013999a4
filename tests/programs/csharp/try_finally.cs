using System;

class TryFinally
{
    static string log;

    static int Simple(bool fail)
    {
        log = "";
        try
        {
            log += "try ";
            if (fail) throw new Exception("x");
            log += "end ";
            return 1;
        }
        catch (Exception)
        {
            log += "catch ";
            return 2;
        }
        finally
        {
            log += "finally ";
        }
    }

    static int ReturnsOldValue()
    {
        int x = 1;
        try { return x; }
        finally { x = 100; log += "x=" + x + " "; }
    }

    static int Nested(int where)
    {
        log = "";
        try
        {
            log += "1 ";
            try
            {
                log += "2 ";
                try
                {
                    log += "3 ";
                    if (where == 1) throw new InvalidOperationException();
                    if (where == 2) return 22;
                    if (where == 3) goto done;
                }
                finally { log += "f3 "; if (where == 4) throw new ArgumentException(); }
                log += "after3 ";
            }
            catch (InvalidOperationException) { log += "c2 "; if (where == 1) return 11; }
            finally { log += "f2 "; }
            log += "after2 ";
        }
        catch (ArgumentException) { log += "c1 "; return 44; }
        finally { log += "f1 "; }
        log += "end ";
    done:
        return -1;
    }

    static string Loop()
    {
        log = "";
        for (int i = 0; i < 6; i++)
        {
            try
            {
                if (i == 1) continue;
                if (i == 4) break;
                log += "b" + i + " ";
                try { if (i == 2) continue; }
                finally { log += "g" + i + " "; }
                log += "e" + i + " ";
            }
            finally { log += "f" + i + " "; }
        }
        return log;
    }

    static void Replaced()
    {
        try { throw new InvalidOperationException("first"); }
        finally { throw new ArgumentException("second"); }
    }

    static void FinallyWithTry()
    {
        log = "";
        try
        {
            try { throw new Exception("outer"); }
            finally
            {
                try { log += "inner "; throw new ArgumentException("inner"); }
                catch (ArgumentException e) { log += "caught " + e.Message + " "; }
                finally { log += "inner finally "; }
                for (int i = 0; i < 3; i++)
                {
                    if (i == 1) continue;
                    log += i + " ";
                }
            }
        }
        catch (Exception e) { log += "caught " + e.Message; }
    }

    static int Recursive(int n)
    {
        try
        {
            if (n == 0) throw new InvalidOperationException();
            return Recursive(n - 1);
        }
        finally { log += n; }
    }

    static int counter;
    static int Count()
    {
        try { return ++counter; }
        finally { counter += 10; }
    }

    class Resource : IDisposable
    {
        readonly string name;
        public Resource(string name) { this.name = name; log += "open" + name + " "; }
        public void Dispose() { log += "close" + name + " "; }
    }

    static int Using(bool fail)
    {
        log = "";
        try
        {
            using (new Resource("A"))
            using (new Resource("B"))
            {
                if (fail) throw new Exception();
                return 5;
            }
        }
        catch (Exception) { log += "caught "; return 6; }
    }

    static void Main()
    {
        Console.WriteLine(Simple(false) + ": " + log);
        Console.WriteLine(Simple(true) + ": " + log);
        log = "";
        Console.WriteLine(ReturnsOldValue() + ": " + log);
        for (int i = 0; i < 5; i++)
            Console.WriteLine(Nested(i) + ": " + log);
        Console.WriteLine(Loop());
        try { Replaced(); }
        catch (Exception e) { Console.WriteLine(e.Message); }
        FinallyWithTry();
        Console.WriteLine(log);
        log = "";
        try { Recursive(9); }
        catch (InvalidOperationException) { log += " caught"; }
        Console.WriteLine(log);
        Console.WriteLine(Count() + " " + Count() + " " + counter);
        Console.WriteLine(Using(false) + ": " + log);
        Console.WriteLine(Using(true) + ": " + log);
        try { try { } finally { Console.WriteLine("empty try"); } }
        catch { Console.WriteLine("never"); }
        int total = 0;
        for (int i = 0; i < 1000; i++)
        {
            try { total += i; if (i % 2 == 0) continue; total++; }
            finally { total -= 1; }
        }
        Console.WriteLine(total);
    }
}
