//! unlike-mono: an exception that a filter lets escape is discarded and the filter counts as false (ECMA-335 I.12.4.2.5)
using System;

class CodedException : Exception
{
    public int Code;
    public CodedException(int code) { Code = code; }
}

class FaultyFilters
{
    static string log = "";

    static string Faulty(int zero)
    {
        string none = null;
        try { throw new CodedException(3); }
        catch (CodedException) when (none.Length > zero) { return "null filter"; }
        catch (CodedException e) when (e.Code / zero == 1) { return "division filter"; }
        catch (CodedException e) when (Throwing()) { return "throwing filter"; }
        catch (CodedException e) { return "handler " + e.Code; }
    }

    static bool Throwing()
    {
        try { throw new InvalidOperationException(); }
        finally { log += "filter-finally "; }
    }

    static string Nested()
    {
        try
        {
            try { throw new CodedException(8); }
            catch (CodedException) when (Throwing()) { return "inner"; }
            finally { log += "finally "; }
        }
        catch (CodedException e) { return "outer " + e.Code; }
    }

    static bool Deep(int depth) { return depth == 0 ? Throwing() : Deep(depth - 1); }

    static void Main()
    {
        Console.WriteLine(Faulty(0));
        Console.WriteLine(log);
        log = "";
        Console.WriteLine(Nested());
        Console.WriteLine(log);
        int rest = 0;
        for (int i = 0; i < 20; i++)
        {
            try { throw new CodedException(i); }
            catch (CodedException e) when (100 / (e.Code % 3) == 100) { rest += 1000; }
            catch (CodedException) when (Deep(i)) { rest += 1000000; }
            catch (CodedException) { rest++; }
        }
        Console.WriteLine(rest);
    }
}
