//! flags: -optimize+
using System;
using System.Runtime.CompilerServices;

// Handlers whose type is a type parameter, in methods small enough to be inlined.
class Program
{
    static void Swallow<T>() where T : Exception
    {
        try { throw new NotSupportedException(); }
        catch (T) { }
    }

    static string Name<T>(Exception thrown) where T : Exception
    {
        try { throw thrown; }
        catch (T e) { return e.GetType().Name + " as " + typeof(T).Name; }
    }

    class Box<T> where T : Exception
    {
        public int Caught;
        public void Run(Action a)
        {
            try { a(); }
            catch (T) { Caught++; }
        }
    }

    static void Outer<T>(Exception thrown) where T : Exception
    {
        try { Console.WriteLine(Name<T>(thrown)); }
        catch (Exception e) { Console.WriteLine("not as " + typeof(T).Name + ": " + e.GetType().Name); }
    }

    static int Count<T>(Action a) where T : Exception
    {
        var box = new Box<T>();
        box.Run(a);
        box.Run(a);
        return box.Caught;
    }

    static void Main()
    {
        Swallow<NotSupportedException>();
        Swallow<Exception>();
        try { Swallow<ArgumentException>(); }
        catch (NotSupportedException) { Console.WriteLine("outer"); }
        Outer<ArgumentException>(new ArgumentNullException("x"));
        Outer<ArgumentNullException>(new ArgumentException("x"));
        Outer<Exception>(new InvalidOperationException());
        Action a = () => { throw new FormatException(); };
        Console.WriteLine(Count<SystemException>(a));
        try { Count<ArithmeticException>(a); }
        catch (FormatException) { Console.WriteLine("outer"); }
    }
}
