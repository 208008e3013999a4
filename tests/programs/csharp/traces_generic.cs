// Stack traces of shared code name the instantiations that ran.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;

static class Bomb
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void Throw() { throw new InvalidOperationException(); }
}

class Base<T>
{
    public T Item;
    public void Instance() { Bomb.Throw(); }
    public static void Static() { object o = null; o.GetHashCode(); }
    public void CallStatic() { Base<List<T>>.Static(); }
    public virtual void Virtual() { Static(); }
    public void Generic<U>() { new Base<KeyValue<T, U>>().CallStatic(); }
    public virtual void VirtualGeneric<U>(U u) { Bomb.Throw(); }
    public void Protected()
    {
        try { Bomb.Throw(); }
        finally { GC.KeepAlive(this); }
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public T Last(T[] items) { return items[items.Length]; }
}

class KeyValue<K, V> { }

class Derived<A, B> : Base<B>
{
    public override void Virtual() { base.Virtual(); }
    public void Twice() { Helper.Generic<B, A>(); }
}

class Closed : Derived<int, string> { }

struct Value<T>
{
    public T Item;
    public void Instance() { Bomb.Throw(); }
    public override string ToString() { Bomb.Throw(); return ""; }
}

static class Helper
{
    public static void Generic<T, U>() { Small<U>(); }
    static void Small<T>() { Bomb.Throw(); }
    public static void Loop<T>(int n)
    {
        if (n == 0) Bomb.Throw();
        Loop<T>(n - 1);
    }
    public static void Grow<T>(int n)
    {
        if (n == 0) Bomb.Throw();
        Grow<T[]>(n - 1);
    }
    public static void Each<T>(IEnumerable<T> items, Action<T> action)
    {
        foreach (T item in items) action(item);
    }
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static void OnNull<T>(Base<T> none) { none.Item.ToString(); }
}

static class Program
{
    static string Arguments(Type[] types)
    {
        string[] names = new string[types.Length];
        for (int i = 0; i < types.Length; i++) names[i] = types[i].ToString();
        return names.Length == 0 ? "" : "<" + string.Join(",", names) + ">";
    }

    static void Show(string what, Action action)
    {
        try { action(); Console.WriteLine("nothing thrown"); }
        catch (Exception e)
        {
            Console.WriteLine(what + ": " + e.GetType().Name);
            foreach (StackFrame frame in new StackTrace(e).GetFrames())
            {
                MethodBase m = frame.GetMethod();
                if (m == null || m.DeclaringType == typeof(Program) || m.DeclaringType.Name[0] == '<') continue;
                Type[] own = m.IsGenericMethod ? m.GetGenericArguments() : Type.EmptyTypes;
                Console.WriteLine("  " + m.DeclaringType + " " + m.Name + Arguments(own));
            }
        }
    }

    static void Main()
    {
        for (int i = 0; i < 3; i++)
        {
            Show("instance", () => new Base<string>().Instance());
            Show("instance of value", () => new Base<int>().Instance());
            Show("static", () => Base<string>.Static());
            Show("static within", () => new Base<object>().CallStatic());
            Show("virtual", () => ((Base<string>)new Derived<int, string>()).Virtual());
            Show("virtual, derived", () => ((Base<string>)new Closed()).Virtual());
            Show("generic", () => new Base<string>().Generic<Program2>());
            Show("virtual generic", () => new Derived<object, string>().VirtualGeneric<Type>(null));
            Show("protected", () => new Base<Type>().Protected());
            Show("bounds", () => new Base<string>().Last(new string[1]));
            Show("helper", () => new Derived<string, object>().Twice());
            Show("loop", () => Helper.Loop<string>(3));
            Show("grow", () => Helper.Grow<string>(3));
            Show("struct", () => new Value<string>().Instance());
            Show("boxed struct", () => ((object)new Value<Value<string>>()).ToString());
            Show("delegate", () => Helper.Each(new[] { "a" }, s => Bomb.Throw()));
            Show("null", () => Helper.OnNull<string>(null));
        }
    }
}

class Program2 { }
